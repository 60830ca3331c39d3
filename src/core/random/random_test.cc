/// The random pool: not a test of quality, but of the ways it could fail outright.
#include "core/random/random.h"

#include "lib/string.h"
#include "lib/test.h"

static bool all_equal(std::span<const std::byte> bytes, std::byte value) {
    for (std::byte byte : bytes) {
        if (byte != value) return false;
    }
    return true;
}

TEST(random_lengths, "core.random.lengths") {
    static constinit std::byte room[200] = {};
    constexpr usize kLengths[] = {0, 1, 31, 32, 33, 63, 64, 65, 128, 190};
    for (usize length : kLengths) {
        memset(room, 0x5a, sizeof room);
        get_random_bytes(std::span(room, length));
        // Nothing beyond what was asked for; and all of it (8 bytes in a row do not stay by
        // chance).
        EXPECT(all_equal(std::span(room).subspan(length), std::byte{0x5a}));
        for (usize at = 0; at + 8 <= length; at++) {
            EXPECT(!all_equal(std::span(room).subspan(at, 8), std::byte{0x5a}));
        }
    }
}

TEST(random_repeats, "core.random.repeats") {
    static constinit u64 drawn[256] = {};
    for (u64& number : drawn) {
        number = get_random_u64();
        const std::byte zeros[40] = {};
        mix_random_bytes(zeros);  // known input does not lead back
    }
    for (usize i = 0; i < 256; i++) {
        for (usize k = 0; k < i; k++) EXPECT(drawn[i] != drawn[k]);
    }
}

TEST(random_balance, "core.random.balance") {
    static constinit std::byte room[4096] = {};
    get_random_bytes(room);
    u32 ones = 0;
    for (std::byte byte : room) ones += static_cast<u32>(__builtin_popcount(unsigned(byte)));
    // 16384 expected, standard deviation 91: ten of them are never seen.
    EXPECT(ones > 16384 - 910 && ones < 16384 + 910);
}
