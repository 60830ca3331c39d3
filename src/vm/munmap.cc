// Taking mappings away: zap_range(), do_munmap(), munmap().

#include <array>

#include "arch/layout.h"
#include "lib/lab.h"
#include "vm/huge/huge.h"
#include "vm/lru.h"
#include "vm/swap/swap.h"
#include "vm/zap.h"

namespace vm {

namespace {

/// LAB paging, task 5 "Fork, unmap, protect" (handouts/04-paging.md). Write the body.
///   Before  page_table_lock is held.
///   After   entries of the span are none, from the first on until the gather is full; how many
///           those are: the one that the gather had no room for is not among them. A busy entry
///           stays. What was present is noted; a page loses its mapping and waits in the gather
///           with the reference that the entry had; used pages of files are marked as accessed;
///           what is in swap space loses a user. rss is counted down.
///   Use     TlbGather::is_full(), exchange_pte(), note(), free_swap_and_cache(), has_page(),
///           mark_page_accessed(), page_remove_rmap(), add().
///   Check   `make grade LAB=paging T=fork`
///   Think   why must the page not be put at once?
usize zap_leaf(TlbGather& gather, const LeafSpan& span, RssDelta& rss) {
#ifdef SOLVED_PAGING
    for (usize i = 0; i < span.count; i++) {
        if (span.first[i].is_none()) continue;
        if (gather.is_full()) return i;
        if (is_busy(read_pte(&span.first[i]))) continue;  // will hold a page that nobody shares
        const Pte old = exchange_pte(&span.first[i], Pte{0});
        if (old.present()) gather.note(span.at + i * kPageSize);
        if (is_swap(old)) {
            free_swap_and_cache(swap_entry_of(old));
            rss.swap--;
            continue;
        }
        if (!has_page(old)) continue;
        mm::Page& page = mm::page_of(old.pfn());
        rss.add(page, -1);
        const bool is_used_file = (old.bits & Pte::kAccessed) && !page.has(mm::kPageAnon);
        if (is_used_file) mark_page_accessed(page);
        page_remove_rmap(page);
        gather.add(page);
    }
    return span.count;
#else
    lab_todo("paging", "zap_leaf");
#endif
}

}  // namespace

Result<void> check_range(VirtAddr at, u64& bytes) {
    if (!is_aligned(at.raw(), kPageSize) || bytes == 0) return EINVAL;
    if (!arch::is_user_range(at, bytes)) return EINVAL;
    bytes = align_up(bytes, kPageSize);
    return {};
}

void zap_range(TlbGather& gather, MmStruct& mm, VirtAddr start, VirtAddr end) {
    RssDelta rss;
    VirtAddr at = start;
    while (const LeafSpan span = next_leaf(mm, at, end, Huge::Whole)) {
        at = span.at;
        {
            IrqGuard guard(mm.page_table_lock);
            if (!span.huge) {
                at += zap_leaf(gather, span, rss) * kPageSize;
            } else if (is_huge(read_pte(span.first)) && !gather.is_full()) {
                zap_huge_entry(gather, mm, span.first, at, rss);
                at = span.end();
            }
        }
        if (gather.is_full()) gather.flush();
    }
    rss.apply(mm);
}

void free_page_tables(TlbGather& gather, MmStruct& mm, VirtAddr start, VirtAddr end) {
    // A table may go if no area needs it: it lies between the neighbours.
    const VmArea* next = mm.find_vma(start);
    const VmArea* previous = next ? mm.areas.prev(*next) : mm.areas.last();
    const AddrRange free{previous ? previous->end : VirtAddr(0),
                         next ? next->start : kUserTablesEnd};
    IrqGuard guard(mm.page_table_lock);
    unlink_tables(mm, {start, end}, free, gather.tables());
    if (!gather.tables().empty()) gather.note(start);  // also forgets cached upper levels
}

Result<void> do_munmap(MmStruct& mm, VirtAddr start, VirtAddr end, AreaList& dead) {
    const VmArea* touched = mm.find_vma(start);
    if (!touched || end <= touched->start) return {};
    TRY(split_at_ends(mm, start, end));

    TlbGather gather(mm);
    VmArea* area = mm.find_vma(start);
    while (area && area->start < end) {
        VmArea* next = mm.areas.next(*area);
        if (area->flags & kVmLocked) munlock_pages(*area);
        zap_range(gather, mm, area->start, area->end);
        remove_area(*area);
        dead.push_back(area->mapping_link);
        area = next;
    }
    free_page_tables(gather, mm, start, end);
    // The search for free room starts at the top of what has become free.
    if (end > mm.free_area_cache) mm.free_area_cache = std::min(end, mm.mmap_base);
    return {};
}

Result<void> MmStruct::munmap(VirtAddr at, u64 bytes) {
    TRY(check_range(at, bytes));
    AreaList dead;
    Result<void> done;
    {
        sched::WriteGuard guard(mmap_lock);
        done = do_munmap(*this, at, at + bytes, dead);
    }
    free_dead_areas(dead);
    return done;
}

}  // namespace vm
