// host-test
#include "lib/bitmap.h"

#include "lib/test.h"

namespace {

constexpr usize kBits = 150;  // two words and a bit

/// The naive model: an array of bool.
usize find(const bool (&model)[kBits], usize from, bool wanted) {
    while (from < kBits && model[from] != wanted) from++;
    return from;
}

usize find_clear_range(const bool (&model)[kBits], usize count, usize from) {
    for (; from + count <= kBits; from++) {
        usize run = 0;
        while (run < count && !model[from + run]) run++;
        if (run == count && from < kBits) return from;
    }
    return kBits;
}

}  // namespace

TEST(bitmap_behaves_like_bools, "lib.bitmap.model") {
    TestRandom random(test.seed);
    Bitmap<kBits> bitmap;
    bool model[kBits] = {};
    for (int round = 0; round < 5000; round++) {
        const usize from = random.below(kBits);
        const usize count = 1 + random.below(random.one_in(4) ? kBits - from : 3) % (kBits - from);
        const bool value = round / 300 % 2 == 0;
        for (usize i = 0; i < count; i++) model[from + i] = value;
        if (count == 1 && value) {
            const bool before = bitmap.test(from);
            EXPECT_EQ(bitmap.test_and_set(from), before);
        } else if (value) {
            bitmap.set_range(from, count);
        } else {
            bitmap.clear_range(from, count);
        }
        usize total = 0;
        for (usize i = 0; i < kBits; i++) {
            EXPECT_EQ(bitmap.test(i), model[i]);
            total += model[i];
        }
        EXPECT_EQ(bitmap.count(), total);
        const usize at = random.below(kBits + 1), run = 1 + random.below(70);
        EXPECT_EQ(bitmap.find_set(at), find(model, at, true));
        EXPECT_EQ(bitmap.find_clear(at), find(model, at, false));
        EXPECT_EQ(bitmap.find_clear_range(run, at), find_clear_range(model, run, at));
    }
}

TEST(bitmap_edges, "lib.bitmap.edges") {
    Bitmap<64> full;
    full.set_range(0, 64);
    EXPECT_EQ(full.find_clear(), 64);
    EXPECT_EQ(full.find_clear_range(1), 64);
    EXPECT(!full.none() && Bitmap<64>().none());
    full.clear(63);
    EXPECT_EQ(full.find_clear(), 63);
    EXPECT_EQ(full.find_clear_range(2), 64);
    EXPECT_ASSERTS(full.set(64));

    // Bits behind the length are somebody else's.
    u64 words[1] = {~u64{0} << 12};
    BitSpan ten(words, 10);
    EXPECT_EQ(ten.find_set(), 10);
    EXPECT_EQ(ten.count(), 0);
    EXPECT_EQ(ten.find_clear_range(10), 0);
    EXPECT_EQ(ten.find_clear_range(11), 10);
    EXPECT_ASSERTS(ten.test(10));
    EXPECT_ASSERTS(BitSpan(words, 65));
}
