/// What stands in for libgcc and libstdc++ can only be tested where they are absent: in the
/// kernel.
#include <bit>

#include "lib/test.h"

TEST(popcount_against_a_loop, "lib.cxxrt.popcount") {
    TestRandom random(test.seed);
    for (int round = 0; round < 1000; round++) {
        const u64 value = random.next() & random.next();
        int count = 0;
        for (unsigned bit = 0; bit < 64; bit++) count += (value >> bit) & 1;
        EXPECT_EQ(std::popcount(value), count);
    }
    EXPECT_EQ(std::popcount(~test.seed | test.seed), 64);
    EXPECT_EQ(std::popcount(test.failures & 0), 0);
}
