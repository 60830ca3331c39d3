// Reclaiming what a program says it will not need soon: madvise(MADV_PAGEOUT, MADV_COLD). Linux:
// mm/madvise.c.

#include "sched/task.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"
#include "vm/tables/page_walk.h"

namespace vm {

namespace {

/// Isolates what only this address space maps, as if it had not been used for long. Returns where
/// it stopped.
VirtAddr isolate_span(MmStruct& mm, const LeafSpan& span, PageQueue& pages) {
    IrqGuard guard(mm.page_table_lock);
    usize taken = 0, i = 0;
    for (; i < span.count && taken < kSwapClusterMax; i++) {
        const Pte entry = read_pte(&span.first[i]);
        if (!has_page(entry)) continue;
        mm::Page& page = mm::page_of(entry.pfn());
        if (page.map_count.load(std::memory_order_relaxed) != 1) continue;
        if (!isolate_lru_page(page)) continue;
        clear_pte_flags(&span.first[i], Pte::kAccessed);
        page.clear(mm::kPageReferenced);
        page.clear(mm::kPageActive);
        pages.push_back(page);
        taken++;
    }
    return span.at + i * kPageSize;
}

}  // namespace

void deactivate_range(MmStruct& mm, VirtAddr start, VirtAddr end) {
    lru_add_drain();
    VirtAddr at = start;
    while (const LeafSpan span = next_leaf(mm, at, end)) {
        PageQueue pages;
        at = isolate_span(mm, span, pages);
        while (mm::Page* page = pages.pop_front()) putback_lru_page(*page);
    }
}

u64 reclaim_range(MmStruct& mm, VirtAddr start, VirtAddr end) {
    lru_add_drain();
    const bool had = sched::current().has(sched::kMemAlloc);
    sched::current().set(sched::kMemAlloc);
    u64 freed = 0;
    VirtAddr at = start;
    while (const LeafSpan span = next_leaf(mm, at, end)) {
        PageQueue pages;
        at = isolate_span(mm, span, pages);
        ScanControl control{.gfp = mm::Gfp::Kernel,
                            .wanted = kSwapClusterMax,
                            .priority = 0,
                            .is_kswapd = false,
                            .may_swap = free_swap_pages() > 0};
        u64 active = 0;
        freed += shrink_page_list(pages, control, active);
    }
    if (!had) sched::current().clear(sched::kMemAlloc);
    return freed;
}

}  // namespace vm
