// The buddy system. Linux: mm/page_alloc.c (__free_one_page, __rmqueue_smallest, expand).

#include "mm/zone.h"

namespace mm {

constinit Zone zones[kZones] = {
    {"DMA", Pfn(0), Pfn(0x1000)},
    {"DMA32", Pfn(0x1000), Pfn(0x10'0000)},
    {"Normal", Pfn(0x10'0000), Pfn(arch::kMaxPhys.raw() >> kPageShift)},
};

unsigned zone_index_of(Pfn pfn) { return pfn < zones[0].end ? 0 : pfn < zones[1].end ? 1 : 2; }

void Zone::put_block(Pfn first, unsigned order) {
    Page& page = page_of(first);
    page.order = u8(order);
    page.set(kPageBuddy);
    free_area[order].blocks.push_front(page);
    free_area[order].count++;
}

void Zone::remove_block(Page& page, unsigned order) {
    free_area[order].blocks.remove(page);
    free_area[order].count--;
    page.clear(kPageBuddy);
}

/// The Page exists: blocks up to the largest order never leave the aligned stretch of the largest
/// order for which the page array is mapped as a whole (init.cc).
bool Zone::is_free_block(Pfn first, unsigned order) const {
    if (first < start || first >= end) return false;
    const Page& page = page_of(first);
    return page.has(kPageBuddy) && page.order == order;
}

void Zone::free_one_page(Pfn first, unsigned order) {
    free_pages += u64{1} << order;
    while (order < kMaxOrder) {
        const Pfn buddy(first.raw() ^ (u64{1} << order));
        if (!is_free_block(buddy, order)) break;
        remove_block(page_of(buddy), order);
        if (buddy < first) first = buddy;
        order++;
    }
    put_block(first, order);
}

Page* Zone::take(unsigned order) {
    unsigned found = order;
    while (found <= kMaxOrder && free_area[found].blocks.empty()) found++;
    if (found > kMaxOrder) return nullptr;

    Page& page = *free_area[found].blocks.front();
    remove_block(page, found);
    while (found > order) {  // the upper halves go back
        found--;
        put_block(pfn_of(page) + (u64{1} << found), found);
    }
    free_pages -= u64{1} << order;
    return &page;
}

}  // namespace mm
