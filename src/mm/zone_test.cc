// The buddy system, on blocks borrowed from the page allocator.

#include "mm/zone.h"

#include "lib/test.h"
#include "mm/page_alloc.h"

namespace mm {

namespace {

constexpr unsigned kOrder = 6;
constexpr usize kFrames = usize{1} << kOrder;

/// A zone of its own over one borrowed block: nothing is free in it at first.
struct Borrowed {
    Borrowed() : block(*alloc_pages(Gfp::Kernel, kOrder).take()), first(pfn_of(block)) {}
    ~Borrowed() { free_pages(block, kOrder); }
    Page& block;
    Pfn first;
};

/// No two buddies of one order are free, and the counts are right. Looks at the pages, not at the
/// zone's own lists.
bool is_merged(const Borrowed& borrowed, u64 expected_free) {
    u64 free = 0;
    for (usize i = 0; i < kFrames; i++) {
        const Page& page = page_of(borrowed.first + i);
        if (!page.has(kPageBuddy)) continue;
        free += u64{1} << page.order;
        if (page.order >= kOrder) continue;
        const Page& buddy = page_of(Pfn((borrowed.first + i).raw() ^ u64{1} << page.order));
        if (buddy.has(kPageBuddy) && buddy.order == page.order) return false;
    }
    return free == expected_free;
}

void take_all(Zone& zone) NO_LOCK_ANALYSIS {
    while (zone.take(0) != nullptr) {
    }
}

}  // namespace

TEST(buddies_merge, "mm.zone.merge") {
    Borrowed borrowed;
    Zone zone("test", borrowed.first, borrowed.first + kFrames);
    IrqGuard guard(zone.lock);
    for (usize i = 0; i < kFrames; i++) {  // in a scrambled order
        zone.free_one_page(borrowed.first + (i * 37 + 11) % kFrames, 0);
    }
    EXPECT(is_merged(borrowed, kFrames));
    EXPECT_EQ(zone.free_area[kOrder].count, 1u);
    EXPECT_EQ(zone.free_pages, kFrames);
    take_all(zone);
    EXPECT_EQ(zone.free_pages, 0u);
}

TEST(buddies_split, "mm.zone.split") {
    Borrowed borrowed;
    Zone zone("test", borrowed.first, borrowed.first + kFrames);
    IrqGuard guard(zone.lock);
    zone.free_one_page(borrowed.first, kOrder);
    Page* const single = zone.take(0);
    REQUIRE(single != nullptr);
    EXPECT_EQ(zone.free_pages, kFrames - 1);
    for (unsigned order = 0; order < kOrder; order++) EXPECT_EQ(zone.free_area[order].count, 1u);
    EXPECT(zone.take(kOrder) == nullptr);
    zone.free_one_page(pfn_of(*single), 0);
    EXPECT_EQ(zone.free_area[kOrder].count, 1u);
    take_all(zone);
}

// Random takes and gives of all orders: the invariants hold after each, and nothing is handed out
// twice.
TEST(buddies_random, "mm.zone.random") {
    Borrowed borrowed;
    Zone zone("test", borrowed.first, borrowed.first + kFrames);
    IrqGuard guard(zone.lock);
    zone.free_one_page(borrowed.first, kOrder);
    static u8 owner[kFrames];  // 0: free; else order + 1, at the first frame of a block
    for (u8& entry : owner) entry = 0;
    TestRandom random(test.seed);
    u64 free = kFrames;
    for (int step = 0; step < 4000; step++) {
        const usize at = random.below(kFrames);
        if (owner[at] != 0) {
            zone.free_one_page(borrowed.first + at, owner[at] - 1);
            free += u64{1} << (owner[at] - 1);
            owner[at] = 0;
        } else {
            const auto order = unsigned(random.below(4));
            const Page* const page = zone.take(order);
            if (page == nullptr) continue;
            const usize index = pfn_of(*page) - borrowed.first;
            REQUIRE(index < kFrames && owner[index] == 0);
            owner[index] = u8(order + 1);
            free -= u64{1} << order;
        }
        REQUIRE(is_merged(borrowed, free));
    }
    for (usize i = 0; i < kFrames; i++) {
        if (owner[i] != 0) zone.free_one_page(borrowed.first + i, owner[i] - 1);
    }
    EXPECT_EQ(zone.free_area[kOrder].count, 1u);
    take_all(zone);
}

TEST(pages_are_accounted, "mm.page_alloc.balance") {
    const u64 before = free_page_count();
    Page* pages[16];
    for (unsigned i = 0; i < 16; i++) pages[i] = alloc_pages(Gfp::Zero, i % 4).take();
    EXPECT_EQ(before - free_page_count(), 4u * (1 + 2 + 4 + 8));
    for (unsigned i = 0; i < 16; i++) {
        const u64* words = bytes_of<u64>(*pages[i]);
        EXPECT_EQ(words[0] | words[kPageSize / 8 - 1], 0u);
        free_pages(*pages[i], i % 4);
    }
    EXPECT_EQ(free_page_count(), before);
    EXPECT(!alloc_pages(Gfp::NoWarn, kMaxOrder + 1).ok());
}

}  // namespace mm
