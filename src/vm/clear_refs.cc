// See clear_refs.h.

#include "vm/clear_refs.h"

#include <array>

#include "vm/tables/tlb.h"

namespace vm {

namespace {

void clear_in_leaf(TlbGather& gather, const LeafSpan& span, u64 flags) {
    const usize step = span.huge ? span.count : 1;
    for (usize i = 0; i < span.count; i += step) {
        const Pte entry = read_pte(&span.first[i]);
        if (is_swap(entry)) clear_pte_flags(&span.first[i], flags & Pte::kSoftDirty);
        if (!has_page(entry) || !(entry.bits & flags)) continue;
        clear_pte_flags(&span.first[i], flags);
        if (entry.present()) gather.note(span.at + i * kPageSize);
        if (span.huge) gather.note(span.end() - kPageSize);
    }
}

void clear_in_area(TlbGather& gather, const VmArea& area, u64 flags) {
    MmStruct& mm = *area.mm;
    VirtAddr at = area.start;
    while (const LeafSpan span = next_leaf(mm, at, area.end, Huge::Whole)) {
        IrqGuard guard(mm.page_table_lock);
        clear_in_leaf(gather, span, flags);
        at = span.end();
    }
}

/// As in a fork, entries lose the right to write while nobody else may change them.
void clear_soft_dirty(MmStruct& mm) {
    sched::WriteGuard guard(mm.mmap_lock);
    TlbGather gather(mm);
    for (VmArea& area : mm.areas) {
        area.soft_dirty.store(false, std::memory_order_relaxed);
        clear_in_area(gather, area, Pte::kWritable | Pte::kSoftDirty);
    }
}

void clear_accessed(MmStruct& mm, ClearRefs what) {
    sched::ReadGuard guard(mm.mmap_lock);
    TlbGather gather(mm);
    for (const VmArea& area : mm.areas) {
        if (what == ClearRefs::Anonymous && area.file) continue;
        if (what == ClearRefs::File && !area.file) continue;
        clear_in_area(gather, area, Pte::kAccessed);
    }
}

}  // namespace

void clear_refs(MmStruct& mm, ClearRefs what) {
    switch (what) {
    case ClearRefs::PeakRss: mm.hiwater_rss.store(mm.rss(), std::memory_order_relaxed); break;
    case ClearRefs::SoftDirty: clear_soft_dirty(mm); break;
    default: clear_accessed(mm, what);
    }
}

}  // namespace vm
