// host-test
#include "lib/crc32.h"

#include <string_view>

#include "lib/test.h"

namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The definition: polynomial division, bit by bit.
u32 naive(u32 polynomial, u32 crc, std::span<const std::byte> data) {
    for (const std::byte byte : data) {
        crc ^= static_cast<u32>(byte);
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
    }
    return crc;
}

}  // namespace

TEST(crc32_check_values, "lib.crc32.check_values") {
    // The check values of the catalogue of CRC algorithms: the digits 1 to 9.
    EXPECT_EQ(crc32(bytes("123456789")), 0xcbf43926);
    EXPECT_EQ(~crc32c(~0u, bytes("123456789")), 0xe3069283);
    EXPECT_EQ(crc32({}), 0);
    // RFC 3720, B.4: 32 bytes of zeros.
    const std::byte zeros[32] = {};
    EXPECT_EQ(~crc32c(~0u, zeros), 0x8a9136aa);
}

TEST(crc32_in_pieces_and_bit_by_bit, "lib.crc32.pieces") {
    TestRandom random(test.seed);
    std::byte data[64];
    for (int round = 0; round < 500; round++) {
        for (std::byte& byte : data) byte = static_cast<std::byte>(random.next());
        const std::span<const std::byte> all = std::span(data).first(random.below(65));
        const usize cut = random.below(all.size() + 1);
        const u32 whole = crc32(all);
        EXPECT_EQ(crc32(all.subspan(cut), crc32(all.first(cut))), whole);
        EXPECT_EQ(~naive(0xedb88320, ~0u, all), whole);
        EXPECT_EQ(crc32c(7, all), naive(0x82f63b78, 7, all));
    }
}
