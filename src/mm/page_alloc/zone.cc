// The buddy system. Linux: mm/page_alloc.c (__free_one_page, __rmqueue_smallest, expand).
//
// An example. The block 8…15 (order 3) is free, and somebody wants one page. It leaves the list of
// order 3; its upper half 12…15 goes to the list of order 2, the upper half of the rest (10, 11) to
// order 1, then 9 to order 0, and 8 is the answer. When 8 comes back, its buddy is 8 ^ 1 = 9, and
// free: together they are the block 8 of order 1, whose buddy is 8 ^ 2 = 10, and so on.

#include "mm/page_alloc/zone.h"

#include "lib/lab.h"

namespace mm {

u64 FreeArea::total() const {
    u64 sum = 0;
    for (const u64 blocks : nr_free) sum += blocks;
    return sum;
}

void Zone::init(Pfn first_frame, u64 count, Page* first_page, MigrateType* blocks) {
    start = first_frame;
    spanned = count;
    pages_ = first_page;
    pageblocks_ = reinterpret_cast<u64>(blocks) - (start.raw() >> kPageblockOrder);
}

void Zone::add_to_free_list(Page& page, unsigned order, MigrateType type) {
    FreeArea& area = free_area[order];
    page.order = u8(order);
    page.migrate_type = static_cast<u8>(type);
    page.set(kPageBuddy);
    area.free_list[page.migrate_type].push_front(page);
    area.nr_free[page.migrate_type]++;
}

void Zone::del_from_free_list(Page& page, unsigned order) {
    FreeArea& area = free_area[order];
    area.free_list[page.migrate_type].remove(page);
    area.nr_free[page.migrate_type]--;
    page.clear(kPageBuddy);
}

/// LAB paging, task 1 "Buddies" (handouts/04-paging.md). Write the body.
///   Before  any frame number, any order below kMaxOrder.
///   After   true exactly if a free block of this order begins there: within this zone, its Page
///           marked and of that order, and this zone's (where nodes lie interleaved, a Page between
///           ours may be another's).
///   Use     contains(), page(), kPageBuddy.
///   Check   `make grade LAB=paging T=buddy`
///   Think   the Page of a frame outside the zone may not exist. What must come first?
bool Zone::is_free_block(Pfn first, unsigned order) const {
#ifdef SOLVED_PAGING
    if (!contains(first)) return false;
    const Page& candidate = page(first);
    return candidate.has(kPageBuddy) && candidate.order == order && candidate.zone == id;
#else
    lab_todo("paging", "Zone::is_free_block");
#endif
}

/// Pageblocks that are kept back for urgent allocations stay apart.
bool Zone::may_merge(Pfn first, Pfn buddy, unsigned order) const {
    if (order < kPageblockOrder) return true;
    return pageblock_type(first) != MigrateType::HighAtomic &&
           pageblock_type(buddy) != MigrateType::HighAtomic;
}

/// LAB paging, task 1 "Buddies" (handouts/04-paging.md). Write the body.
///   Before  the block is nobody's and on no list. Two free blocks are merged only if may_merge()
///           says so.
///   After   free_pages counts it; it is merged with its buddy, both with theirs, and so on, as far
///           as they are free, up to kMaxOrder; what results is on the list of its order, with the
///           type of the pageblock in which the block that was given back lay.
///   Use     pageblock_type(), is_free_block(), may_merge(), del_from_free_list(),
///           add_to_free_list().
///   Check   `make grade LAB=paging T=buddy`
///   Think   how does one bit of a frame number tell where the buddy is, and which of the two is
///           the first?
void Zone::free_one_page(Pfn first, unsigned order) {
#ifdef SOLVED_PAGING
    const MigrateType type = pageblock_type(first);
    free_pages += u64{1} << order;
    while (order < kMaxOrder) {
        const Pfn buddy(first.raw() ^ (u64{1} << order));
        if (!is_free_block(buddy, order) || !may_merge(first, buddy, order)) break;
        del_from_free_list(page(buddy), order);
        if (buddy < first) first = buddy;
        order++;
    }
    add_to_free_list(page(first), order, type);
#else
    lab_todo("paging", "Zone::free_one_page");
#endif
}

/// LAB paging, task 1 "Buddies" (handouts/04-paging.md). Write the body.
///   Before  `page` heads a block of 2^high frames that is on no list; 2^low of them are wanted.
///   After   the first 2^low frames are on no list; the rest is, in blocks as large as possible,
///           with this type.
///   Use     add_to_free_list().
///   Check   `make grade LAB=paging T=buddy`
///   Think   how many blocks are that, if one page is taken from a block of 1024?
void Zone::expand(Page& page, unsigned low, unsigned high, MigrateType type) {
#ifdef SOLVED_PAGING
    while (high > low) {
        high--;
        add_to_free_list((&page)[u64{1} << high], high, type);
    }
#else
    lab_todo("paging", "Zone::expand");
#endif
}

/// LAB paging, task 1 "Buddies" (handouts/04-paging.md). Write the body.
///   Before  the lock is held.
///   After   a block of 2^order frames, on no list, cut from the smallest that the lists of this
///           type have, free_pages counted down; null if they have none so large.
///   Use     FreeArea::first(), del_from_free_list(), expand().
///   Check   `make grade LAB=paging T=buddy`
///   Think   what is lost if a larger block is taken although a smaller would do?
Page* Zone::rmqueue_smallest(unsigned order, MigrateType type) {
#ifdef SOLVED_PAGING
    for (unsigned found = order; found <= kMaxOrder; found++) {
        Page* page = free_area[found].first(type);
        if (page == nullptr) continue;
        del_from_free_list(*page, found);
        expand(*page, order, found, type);
        free_pages -= u64{1} << order;
        return page;
    }
    return nullptr;
#else
    lab_todo("paging", "Zone::rmqueue_smallest");
#endif
}

}  // namespace mm
