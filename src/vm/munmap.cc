// Taking mappings away: zap_range(), do_munmap(), munmap().

#include <array>

#include "arch/layout.h"
#include "vm/zap.h"

namespace vm {

namespace {

/// Clears the entries of one leaf table until the gather is full; returns how many were looked at.
usize zap_leaf(TlbGather& gather, const LeafSpan& span, RssDelta& rss) {
    for (usize i = 0; i < span.count; i++) {
        if (span.first[i].is_none()) continue;
        if (gather.is_full()) return i;
        if (is_busy(read_pte(&span.first[i]))) continue;  // will hold a page that nobody shares
        const Pte old = exchange_pte(&span.first[i], Pte{0});
        if (old.present()) gather.note(span.at + i * kPageSize);
        if (!has_page(old)) continue;
        mm::Page& page = mm::page_of(old.pfn());
        rss.add(page, -1);
        uncount_mapping(page);
        gather.add(page);
    }
    return span.count;
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
    while (const LeafSpan span = next_leaf(*mm.page_table, at, end)) {
        {
            IrqGuard guard(mm.page_table_lock);
            at = span.at + zap_leaf(gather, span, rss) * kPageSize;
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
