// host-test
// host-sources: mm/page_alloc/zone.cc mm/page_alloc/fallback.cc
// The buddy system.
#include "mm/page_alloc/zone.h"

#include "mm/page_alloc/test_zone.h"

namespace mm {

namespace {

constexpr u64 kFrames = u64{1} << kMaxOrder;

}  // namespace

TEST(buddies_split, "mm.zone.split") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    for (unsigned wanted = 0; wanted < kMaxOrder; wanted++) {
        EXPECT_EQ(it.free_blocks(kMaxOrder), 1u);
        Page* const block = it.take(wanted);
        REQUIRE(block != nullptr);
        // One block of order 10 is one of the order asked for, and one free of each from there on.
        for (unsigned order = 0; order <= kMaxOrder; order++) {
            EXPECT_EQ(it.free_blocks(order), order >= wanted && order < kMaxOrder ? 1u : 0u);
        }
        EXPECT(it.take(kMaxOrder) == nullptr);
        EXPECT(it.is_sound());
        it.give(*block, wanted);
    }
    EXPECT_EQ(it.free_blocks(kMaxOrder), 1u);
    EXPECT(it.is_sound());
    it.release();
}

TEST(buddies_merge, "mm.zone.merge") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    for (u64 i = 0; i < kFrames; i++) EXPECT_EQ(it.take(0), &it.pages[i]);  // in order
    EXPECT(it.take(0) == nullptr);
    for (u64 i = 0; i < kFrames; i++) it.give(it.pages[(i * 37 + 11) % kFrames], 0);
    EXPECT_EQ(it.free_blocks(kMaxOrder), 1u);
    EXPECT(it.is_sound());
    it.release();
}

// Random takes and gives of all orders: the invariants hold after each, every block is aligned, and
// nothing is handed out twice.
TEST(buddies_random, "mm.zone.random") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    static u8 owner[kFrames];  // 0: free; else order + 1, at the first frame of a block
    for (u8& entry : owner) entry = 0;
    TestRandom random(test.seed);
    for (int step = 0; step < 3000; step++) {
        const usize at = random.below(kFrames);
        if (owner[at] != 0) {
            it.give(it.pages[at], owner[at] - 1);
            owner[at] = 0;
        } else {
            const auto order = unsigned(random.below(random.one_in(4) ? 8 : 3));
            const Page* const page =
                it.take(order, static_cast<MigrateType>(random.below(kPcpTypes)));
            if (page == nullptr) continue;
            const u64 index = u64(page - it.pages);
            REQUIRE(index % (u64{1} << order) == 0);
            for (u64 i = index; i < index + (u64{1} << order); i++) REQUIRE(owner[i] == 0);
            owner[index] = u8(order + 1);
            for (u64 i = 1; i < u64{1} << order; i++) REQUIRE(!it.pages[index + i].has(kPageBuddy));
        }
        if (step % 16 == 0) REQUIRE(it.is_sound());
    }
    for (usize i = 0; i < kFrames; i++) {
        if (owner[i] != 0) it.give(it.pages[i], owner[i] - 1);
    }
    EXPECT_EQ(it.free_blocks(kMaxOrder), 1u);
    EXPECT(it.is_sound());
    it.release();
}

// The zone begins and ends in the middle of a block: what lies outside is never merged with.
TEST(buddies_at_the_edge, "mm.zone.edge") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    const Pfn start = it.zone.start;
    Zone& zone = it.zone;
    while (it.take(kMaxOrder) != nullptr) {
    }
    zone.init(start + 3, 1000, it.pages + 3, it.types);
    for (u64 i = 0; i < 1000; i++) it.give(it.pages[3 + i], 0);
    u64 free = 0;
    for (unsigned order = 0; order <= kMaxOrder; order++) {
        free += it.free_blocks(order) << order;
        EXPECT(it.free_blocks(order) <= 2);
    }
    EXPECT_EQ(free, 1000u);
    EXPECT(it.is_sound());
    it.release();
}

// Frames in the middle of a zone that belong to another (nodes may lie interleaved).
TEST(buddies_of_another_zone, "mm.zone.interleaved") {
    static TestForever<TestZone, 1> room;
    TestZone& it = *room.make();
    REQUIRE(it.make(kFrames));
    REQUIRE(it.take(kMaxOrder) != nullptr);
    it.pages[1].zone = 5;
    it.pages[1].set(kPageBuddy);  // free there, on a list that is not ours
    it.give(it.pages[0], 0);
    EXPECT_EQ(it.free_blocks(0), 1u);
    EXPECT_EQ(it.free_blocks(1), 0u);
    it.release();
}

}  // namespace mm
