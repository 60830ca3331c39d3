// host-test
#include "lib/siphash.h"

#include "lib/test.h"

// The authors' test vectors: key 00, 01 ... 0f; inputs of n bytes 00, 01 ...
TEST(siphash_test_vectors, "lib.siphash.vectors") {
    const SipHashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    std::byte input[64];
    for (usize i = 0; i < 64; i++) input[i] = static_cast<std::byte>(i);
    EXPECT_EQ(siphash(key, {}), 0x726fdb47dd0e0e31);
    EXPECT_EQ(siphash(key, std::span(input).first(8)), 0x93f5f5799a932462);
    EXPECT_EQ(siphash(key, std::span(input).first(15)), 0xa129ca6149be45e5);
    EXPECT(siphash({0, 0}, std::span(input).first(8)) != 0x93f5f5799a932462);
}
