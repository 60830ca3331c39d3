/// The ChaCha20 block function (RFC 8439, 2.3): a square of 4 x 4 words, mixed by additions,
/// rotations and exclusive-ors, first down its columns, then along its diagonals.
#include "lib/chacha20.h"

#include <bit>

#include "lib/string.h"

namespace {

void quarter_round(u32& a, u32& b, u32& c, u32& d) {
    a += b;
    d = std::rotl(d ^ a, 16);
    c += d;
    b = std::rotl(b ^ c, 12);
    a += b;
    d = std::rotl(d ^ a, 8);
    c += d;
    b = std::rotl(b ^ c, 7);
}

}  // namespace

void chacha20_block(const ChaCha20State& state, std::span<std::byte, 64> out) {
    u32 input[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};  // "expand 32-byte k"
    memcpy(input + 4, state.key, sizeof(state.key));
    input[12] = state.counter;
    memcpy(input + 13, state.nonce, sizeof(state.nonce));

    u32 square[16];
    memcpy(square, input, sizeof(square));
    for (int round = 0; round < 20; round += 2) {
        for (int i = 0; i < 4; i++) {
            quarter_round(square[i], square[4 + i], square[8 + i], square[12 + i]);
        }
        for (int i = 0; i < 4; i++) {
            quarter_round(square[i], square[4 + (i + 1) % 4], square[8 + (i + 2) % 4],
                          square[12 + (i + 3) % 4]);
        }
    }
    // Adding the input makes the mixing, which could be run backwards, a one-way street.
    for (int i = 0; i < 16; i++) square[i] += input[i];
    memcpy(out.data(), square, sizeof(square));  // little-endian, as the machine is
}
