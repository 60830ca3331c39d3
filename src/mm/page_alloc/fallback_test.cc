// host-test
// Which pageblocks allocations of each migrate type come from.
#include "mm/page_alloc/test_zone.h"

namespace mm {

namespace {

using enum MigrateType;
constexpr u64 kFrames = 8 * kPageblockPages;  // eight pageblocks

MigrateType type_at(const TestZone& it, const Page& page) {
    return it.types[u64(&page - it.pages) >> kPageblockOrder];
}

}  // namespace

// All is movable at first. An unmovable page takes a whole pageblock over, and the next ones stay
// in it.
TEST(types_claim_pageblocks, "mm.fallback.claim") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    Page* const movable = it.take(0, Movable);
    Page* const first = it.take(0, Unmovable);
    REQUIRE(movable != nullptr && first != nullptr);
    EXPECT_EQ(type_at(it, *movable), Movable);
    EXPECT_EQ(type_at(it, *first), Unmovable);
    EXPECT(it.is_sound());
    // A block of order 10 was taken: two pageblocks. They last for 1023 more.
    for (u64 i = 1; i < 2 * kPageblockPages; i++) {
        Page* const page = it.take(0, Unmovable);
        REQUIRE(page != nullptr);
        EXPECT_EQ(type_at(it, *page), Unmovable);
    }
    u64 unmovable = 0;
    for (u64 i = 0; i < 8; i++) unmovable += it.types[i] == Unmovable;
    EXPECT_EQ(unmovable, 2u);
    EXPECT(it.is_sound());
    it.release();
}

// A reclaimable block comes from the unmovable ones before it spoils a movable pageblock.
TEST(types_prefer_their_like, "mm.fallback.order") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(2 * kPageblockPages));
    it.types[0] = Unmovable;
    REQUIRE(it.take(kMaxOrder) != nullptr);
    it.give(it.pages[0], 5);
    it.give(it.pages[kPageblockPages], 5);
    const Page* const page = it.take(5, Reclaimable);
    EXPECT_EQ(page, &it.pages[0]);
    it.release();
}

// A little free memory in a pageblock in use is taken, but the pageblock keeps its type.
TEST(types_steal_single_blocks, "mm.fallback.steal") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(2 * kPageblockPages));
    REQUIRE(it.take(kMaxOrder) != nullptr);
    for (u64 i = 0; i < 2 * kPageblockPages; i++) it.pages[i].set(kPageAnon);
    it.pages[8].clear(kPageAnon);
    it.pages[9].clear(kPageAnon);
    it.give(it.pages[8], 1);
    const Page* const page = it.take(0, Unmovable);
    EXPECT_EQ(page, &it.pages[8]);
    EXPECT_EQ(it.types[0], Movable);
    EXPECT(it.is_sound());
    // The other half was stolen with it.
    EXPECT_EQ(it.take(0, Unmovable), &it.pages[9]);
    EXPECT(it.take(0, Unmovable) == nullptr);
    it.release();
}

// Movable pages, which may end anywhere, take the smallest block that will do.
TEST(movable_takes_the_smallest, "mm.fallback.movable") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(2 * kPageblockPages));
    it.types[0] = it.types[1] = Unmovable;
    REQUIRE(it.take(kMaxOrder) != nullptr);
    it.give(it.pages[16], 3);
    it.give(it.pages[32], 1);
    EXPECT_EQ(it.take(0, Movable), &it.pages[32]);
    EXPECT_EQ(it.types[0], Unmovable);
    it.release();
}

TEST(highatomic_is_kept_back, "mm.fallback.highatomic") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    Page* const block = it.take(3, Unmovable);
    REQUIRE(block != nullptr);
    const auto reserve = [&]() NO_LOCK_ANALYSIS { it.zone.reserve_highatomic_pageblock(*block); };
    const auto reserved = [&]() NO_LOCK_ANALYSIS { return it.zone.nr_reserved_highatomic; };
    reserve();  // more than a hundredth of this zone
    EXPECT_EQ(reserved(), 0u);
    it.zone.managed = 100 * kPageblockPages;
    reserve();
    EXPECT_EQ(reserved(), kPageblockPages);
    EXPECT_EQ(type_at(it, *block), HighAtomic);
    EXPECT(it.is_sound());
    reserve();  // once is enough
    EXPECT_EQ(reserved(), kPageblockPages);
    // Nobody else gets them: 7 pageblocks are left for all others.
    u64 got = 0;
    while (it.take(0, Movable) != nullptr) got++;
    EXPECT_EQ(got, 7 * kPageblockPages);
    const auto urgent = [&]() NO_LOCK_ANALYSIS { return it.zone.rmqueue_smallest(3, HighAtomic); };
    Page* const page = urgent();
    REQUIRE(page != nullptr);
    it.give(*page, 3);
    it.give(*block, 3);  // back to where they were
    EXPECT(it.is_sound());
    const auto open = [&]() NO_LOCK_ANALYSIS { return it.zone.unreserve_highatomic_pageblock(); };
    EXPECT(open());
    EXPECT(!open());
    EXPECT_EQ(reserved(), 0u);
    EXPECT(it.take(0, Movable) != nullptr);
    EXPECT(it.is_sound());
    it.release();
}

}  // namespace mm
