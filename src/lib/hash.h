/// Hashes for tables: of names (the dcache) and of numbers and pointers.
///
/// Fast and well mixed, but no defence: whoever knows the seed can make names collide. Where
/// users choose the keys and could gain by it, use siphash() with a random key.
#pragma once

#include <string_view>

#include "lib/string.h"
#include "lib/types.h"

/// Both halves of the 128-bit product, folded: each input bit reaches about half of the result.
constexpr u64 hash_mix(u64 a, u64 b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

/// A number between 0 and 2^bits - 1 from a number or an address (1 <= bits <= 64). The upper bits
/// of the product are used, since they depend on all bits of the value. Linux: hash_64().
constexpr u64 hash_long(u64 value, unsigned bits) {
    constexpr u64 kGoldenRatio = 0x9e3779b97f4a7c15;  // 2^64 / phi, odd
    return (value * kGoldenRatio) >> (64 - bits);
}
inline u64 hash_pointer(const void* pointer, unsigned bits) {
    return hash_long(reinterpret_cast<u64>(pointer), bits);
}

/// A hash of all bytes of `text` and of its length. The same text under another `seed` (for a
/// name: its parent directory) gives an unrelated hash. All 64 bits are good: mask off what is
/// too much.
inline u64 hash_string(std::string_view text, u64 seed = 0) {
    constexpr u64 kFirst = 0xa0761d6478bd642f, kSecond = 0xe7037ed1a0b428db;
    u64 state = hash_mix(seed ^ kFirst, text.size() ^ kSecond);
    const char* at = text.data();
    usize rest = text.size();
    for (; rest > 8; at += 8, rest -= 8) {
        u64 word;
        __builtin_memcpy(&word, at, 8);
        state = hash_mix(state ^ kFirst, word ^ kSecond);
    }
    u64 last = 0;  // 0 to 8 bytes; the length tells "" from "\0"
    for (usize i = 0; i < rest; i++) last |= u64{static_cast<u8>(at[i])} << (8 * i);
    return hash_mix(state ^ kSecond, last ^ kFirst) ^ state;
}
