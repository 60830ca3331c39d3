// host-test
#include "lib/chacha20.h"

#include "lib/string.h"
#include "lib/test.h"

// RFC 8439, 2.3.2: key bytes 00, 01 ... 1f; counter 1; nonce 00:00:00:09:00:00:00:4a:00:00:00:00.
TEST(chacha20_rfc_example, "lib.chacha20.rfc") {
    ChaCha20State state;
    for (u32 i = 0; i < 8; i++) state.key[i] = 0x03020100 + i * 0x04040404;
    state.counter = 1;
    state.nonce[0] = 0x09000000;
    state.nonce[1] = 0x4a000000;
    const u8 want[64] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd,
                         0x1f, 0xa3, 0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0,
                         0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2,
                         0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05,
                         0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e,
                         0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    std::byte got[64];
    chacha20_block(state, got);
    EXPECT_EQ(memcmp(got, want, 64), 0);
}

TEST(chacha20_every_input_word_matters, "lib.chacha20.inputs") {
    ChaCha20State zero;
    std::byte first[64], second[64];
    chacha20_block(zero, first);
    EXPECT_EQ(static_cast<u8>(first[0]), 0x76);  // RFC 8439, A.1, test vector 1: 76 b8 e0 ad
    EXPECT_EQ(static_cast<u8>(first[3]), 0xad);
    for (u32 word = 0; word < 12; word++) {
        ChaCha20State state;
        u32* const field = word < 8    ? &state.key[word]
                           : word == 8 ? &state.counter
                                       : &state.nonce[word - 9];
        *field = 1;
        chacha20_block(state, second);
        usize same = 0;
        for (usize i = 0; i < 64; i++) same += first[i] == second[i];
        EXPECT(same < 8);
    }
}
