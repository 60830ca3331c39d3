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

/// The areas cannot go while we hold the tree: each leaves it before it dies, and its address
/// space dies after all its areas.
void unmap_mapping_range(AddressSpace& mapping, u64 first_index, u64 end_index) {
    if (first_index >= end_index) return;
    sched::MutexGuard guard(mapping.i_mmap_mutex);
    MappingTree& tree = mapping.i_mmap;
    for (MappingLink* link = tree.first_touching(first_index, end_index - 1); link;
         link = tree.next_touching(*link, first_index, end_index - 1)) {
        unmap_from(*link->area, first_index, end_index);
    }
}

}  // namespace vm
