// From a file to those who map it: truncation. Linux: unmap_mapping_range(), mm/rmap.c.

#include <array>

#include "vm/zap.h"

namespace vm {

namespace {

/// Unmaps what `area` shows of [first_index, end_index).
void unmap_from(VmArea& area, u64 first_index, u64 end_index) {
    const u64 first = std::max(first_index, area.page_offset);
    const u64 end = std::min(end_index, area.page_offset + area.pages());
    if (first >= end) return;
    TlbGather gather(*area.mm);
    const VirtAddr at = area.start + (first - area.page_offset) * kPageSize;
    zap_range(gather, *area.mm, at, at + (end - first) * kPageSize);
}

}  // namespace

/// The areas cannot go while we hold the list: each leaves it before it dies, and its address
/// space dies after all its areas. A child's area stands behind its parent's (vm/fork.cc), so what
/// fork copies meanwhile is found, too.
void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index) {
    sched::MutexGuard guard(mapping.i_mmap_mutex);
    for (MappingLink& link : mapping.i_mmap) unmap_from(*link.area, first_index, end_index);
}

}  // namespace vm
