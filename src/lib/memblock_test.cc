// host-test
#include "lib/memblock.h"

#include "lib/test.h"

TEST(ranges_join, "lib.memblock.join") {
    static TestForever<RangeList, 1> room;
    RangeList& list = *room.make();
    EXPECT(list.add(10, 20).ok());
    EXPECT(list.add(30, 40).ok());
    EXPECT_EQ(list.ranges().size(), 2u);
    EXPECT(list.add(20, 30).ok());  // touches both
    EXPECT_EQ(list.ranges().size(), 1u);
    EXPECT_EQ(list.total(), 30u);
    EXPECT(list.add(5, 5).ok());  // empty
    EXPECT_EQ(list.ranges().size(), 1u);
}

TEST(ranges_cut, "lib.memblock.cut") {
    static TestForever<RangeList, 1> room;
    RangeList& list = *room.make();
    EXPECT(list.add(0, 100).ok());
    EXPECT(list.remove(40, 60).ok());
    EXPECT_EQ(list.ranges().size(), 2u);
    EXPECT_EQ(list.total(), 80u);
    EXPECT(!list.overlaps(40, 60));
    EXPECT(list.overlaps(39, 41));
    EXPECT(list.contains(60, 100));
    EXPECT(!list.contains(30, 70));
    EXPECT(list.remove(0, 100).ok());
    EXPECT_EQ(list.ranges().size(), 0u);
}

// Every list against a plain array of bytes, over many random operations.
TEST(ranges_model, "lib.memblock.model") {
    constexpr usize kSize = 300;
    static TestForever<RangeList, 1> room;
    RangeList& list = *room.make();
    bool model[kSize] = {};
    u64 seed = 1;
    for (int step = 0; step < 4000; step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        const u64 start = (seed >> 33) % kSize, end = start + (seed >> 50) % (kSize - start + 1);
        const bool add = seed >> 63;
        EXPECT((add ? list.add(start, end) : list.remove(start, end)).ok());
        for (u64 i = start; i < end; i++) model[i] = add;
        u64 total = 0;
        for (usize i = 0; i < kSize; i++) {
            total += model[i];
            EXPECT_EQ(list.contains(i, i + 1), model[i]);
        }
        EXPECT_EQ(list.total(), total);
    }
}

TEST(allocation_is_top_down, "lib.memblock.alloc") {
    static TestForever<Memblock, 1> room;
    Memblock& memblock = *room.make();
    EXPECT(memblock.memory.add(0x1000, 0x10000).ok());
    EXPECT(memblock.reserved.add(0xf000, 0x10000).ok());
    Result<PhysAddr> first = memblock.alloc(0x1000, 0x1000);
    EXPECT(first.ok() && first.value() == PhysAddr(0xe000));
    Result<PhysAddr> low = memblock.alloc(0x1000, 0x1000, 0x8000);
    EXPECT(low.ok() && low.value() == PhysAddr(0x7000));
    EXPECT(memblock.alloc(0x20000, 0x1000).error() == ENOMEM);
    u64 free = 0;
    memblock.for_each_free([&](u64 start, u64 end) { free += end - start; });
    EXPECT_EQ(free, 0xf000u - 0x3000u);
}
