// host-test
// host-sources: mm/vmalloc/vmap_space.cc
#include "mm/vmalloc/vmap_space.h"

#include "lib/test.h"

namespace mm {

TEST(vmap_space_by_chance, "mm.vmalloc.space.random") {
    constexpr u64 kStart = 0x1000, kEnd = 0x1000 + 600 * 16;
    constexpr usize kRanges = 200;
    TestRandom random(test.seed);
    static TestForever<VmapRange, kRanges> storage;
    VmapRange* const ranges = storage.make();
    bool used[kRanges] = {};
    VmapSpace space(kStart, kEnd);
    u32 refused = 0;
    for (int step = 0; step < 3000; step++) {
        const usize i = random.below(kRanges);
        if (used[i]) {
            EXPECT(space.find(ranges[i].start) == &ranges[i]);
            space.release(ranges[i]);
            used[i] = false;
        } else {
            used[i] = space.reserve(ranges[i], 16 * (1 + random.below(12)));
            refused += !used[i];
        }
        if (step % 16 == 0) REQUIRE(space.is_sound());
    }
    EXPECT(refused > 0);
    for (usize i = 0; i < kRanges; i++) {
        if (used[i]) space.release(ranges[i]);
    }
    EXPECT(space.is_sound());
    EXPECT(space.first_from(0) == nullptr);
    VmapRange all;
    EXPECT(space.reserve(all, kEnd - kStart));  // in one piece again
    EXPECT_EQ(all.start, kStart);
    space.release(all);
}

TEST(vmap_space_fills_holes, "mm.vmalloc.space.holes") {
    VmapSpace space(0, 1000);
    VmapRange a, b, c, d, e;
    EXPECT(space.reserve(a, 100) && space.reserve(b, 50) && space.reserve(c, 100));
    space.release(a);
    space.release(b);  // a hole of 150
    EXPECT(space.reserve(d, 150));
    EXPECT_EQ(d.start, 0u);
    EXPECT(!space.reserve(e, 751));
    EXPECT(space.reserve(e, 750));
    EXPECT(!space.reserve(a, 1));
    EXPECT(space.first_from(1) == &c && space.first_from(251) == nullptr);
    for (VmapRange* range : {&c, &d, &e}) space.release(*range);
    EXPECT(space.is_sound());
}

}  // namespace mm
