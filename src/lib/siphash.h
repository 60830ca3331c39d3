/// SipHash-2-4: a hash with a secret key. Who does not know the key cannot find colliding inputs,
/// so it is for tables whose keys users choose. (Aumasson and Bernstein, 2012)
#pragma once

#include <bit>
#include <span>

#include "lib/types.h"

struct SipHashKey {
    u64 low, high;  // random, kept in the kernel
};

/// The hash of `bytes` under `key`. All 64 bits are good.
inline u64 siphash(const SipHashKey& key, std::span<const std::byte> bytes) {
    u64 a = key.low ^ 0x736f6d6570736575, b = key.high ^ 0x646f72616e646f6d;
    u64 c = key.low ^ 0x6c7967656e657261, d = key.high ^ 0x7465646279746573;
    const auto rounds = [&](int count) {
        for (; count > 0; count--) {
            a += b;
            c += d;
            b = std::rotl(b, 13) ^ a;
            d = std::rotl(d, 16) ^ c;
            a = std::rotl(a, 32) + d;
            c += b;
            d = std::rotl(d, 21) ^ a;
            b = std::rotl(b, 17) ^ c;
            c = std::rotl(c, 32);
        }
    };
    // Words of eight bytes; the last has the bytes that are left, and the length on top.
    for (usize start = 0;; start += 8) {
        const usize rest = bytes.size() - start;
        u64 word = rest < 8 ? u64{bytes.size()} << 56 : 0;
        for (usize i = 0; i < (rest < 8 ? rest : 8); i++) {
            word |= static_cast<u64>(bytes[start + i]) << (8 * i);
        }
        d ^= word;
        rounds(2);
        a ^= word;
        if (rest < 8) break;
    }
    c ^= 0xff;
    rounds(4);
    return a ^ b ^ c ^ d;
}
