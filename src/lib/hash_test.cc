// host-test
#include "lib/hash.h"

#include <bit>

#include "lib/format.h"
#include "lib/test.h"

namespace {

constexpr usize kBuckets = 128;

/// The fullest of the buckets that counts[] describes.
unsigned fullest(const u8 (&counts)[kBuckets]) {
    unsigned most = 0;
    for (const u8 count : counts) most = count > most ? count : most;
    return most;
}

}  // namespace

// A change of any one bit must change about half of the hash, wherever the bit is.
TEST(hash_string_avalanche, "lib.hash.avalanche") {
    TestRandom random(test.seed);
    for (usize length = 1; length <= 40; length++) {
        char text[40];
        for (char& c : text) c = static_cast<char>(random.next());
        const std::string_view view(text, length);
        unsigned changed = 0;
        for (usize bit = 0; bit < 8 * length; bit++) {
            const u64 before = hash_string(view);
            text[bit / 8] ^= static_cast<char>(1 << bit % 8);
            const unsigned flips = static_cast<unsigned>(std::popcount(before ^ hash_string(view)));
            EXPECT(flips >= 8 && flips <= 56);
            changed += flips;
        }
        const u64 average = changed / (8 * length);
        EXPECT(average >= 24 && average <= 40);
    }
}

TEST(hash_string_depends_on_length_and_seed, "lib.hash.length") {
    const char zeros[20] = {};
    for (usize a = 0; a < 20; a++) {
        for (usize b = 0; b < a; b++) {
            EXPECT(hash_string({zeros, a}) != hash_string({zeros, b}));
        }
    }
    EXPECT(hash_string("first...second..last") != hash_string("second..first...last"));
    EXPECT(hash_string("etc", 1) != hash_string("etc", 2));
    EXPECT_EQ(hash_string("etc", 1), hash_string(std::string_view("etcetera", 3), 1));
}

// Eight names to a bucket on average; of a random function the fullest of 128 has about 18.
TEST(hash_string_spreads_names, "lib.hash.names") {
    for (const char* pattern : {"file%d", "%04d.txt", "a/very/long/common/prefix/%d"}) {
        u8 low[kBuckets] = {}, high[kBuckets] = {};
        for (int i = 0; i < 1024; i++) {
            char name[48];
            const usize length = format_to(name, pattern, i);
            const u64 hash = hash_string({name, length}, 0xffff888000123000);
            low[hash % kBuckets]++;
            high[hash >> 57]++;
        }
        EXPECT(fullest(low) <= 24 && fullest(high) <= 24);
    }
}

TEST(hash_long_spreads_pages_and_numbers, "lib.hash.long") {
    for (const u64 stride : {u64{1}, u64{64}, u64{4096}, u64{1} << 21}) {
        u8 counts[kBuckets] = {};
        for (u64 i = 0; i < 1024; i++) {
            const u64 bucket = hash_long(0xffff888000000000 + i * stride, 7);
            REQUIRE(bucket < kBuckets);
            counts[bucket]++;
        }
        EXPECT(fullest(counts) <= 24);
    }
}
