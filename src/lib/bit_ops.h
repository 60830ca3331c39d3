/// Single bits of long bit maps, changed in one piece: the atomic ones may be used on one map from
/// several processors and from interrupts. Bit n is in word n / 64. Those that answer say what the
/// bit was before, and order memory like a lock (acquire and release); the others do not.
/// The plain ones, with `_plain`, are for maps that a lock guards. Linux: include/linux/bitops.h.
#pragma once

#include <atomic>

#include "lib/types.h"

inline u64 bit_mask(usize bit) { return u64{1} << bit % 64; }
inline std::atomic_ref<u64> bit_word(usize bit, u64* map) {
    return std::atomic_ref<u64>(map[bit / 64]);
}

inline bool test_bit(usize bit, const u64* map) {
    return bit_word(bit, const_cast<u64*>(map)).load(std::memory_order_relaxed) & bit_mask(bit);
}
inline void set_bit(usize bit, u64* map) {
    bit_word(bit, map).fetch_or(bit_mask(bit), std::memory_order_relaxed);
}
inline void clear_bit(usize bit, u64* map) {
    bit_word(bit, map).fetch_and(~bit_mask(bit), std::memory_order_relaxed);
}
inline void change_bit(usize bit, u64* map) {
    bit_word(bit, map).fetch_xor(bit_mask(bit), std::memory_order_relaxed);
}
inline bool test_and_set_bit(usize bit, u64* map) {
    return bit_word(bit, map).fetch_or(bit_mask(bit), std::memory_order_acq_rel) & bit_mask(bit);
}
inline bool test_and_clear_bit(usize bit, u64* map) {
    return bit_word(bit, map).fetch_and(~bit_mask(bit), std::memory_order_acq_rel) & bit_mask(bit);
}
inline bool test_and_change_bit(usize bit, u64* map) {
    return bit_word(bit, map).fetch_xor(bit_mask(bit), std::memory_order_acq_rel) & bit_mask(bit);
}

/// A bit as a lock that one tries: true if it is ours now. clear_bit_unlock() gives it back.
inline bool test_and_set_bit_lock(usize bit, u64* map) { return !test_and_set_bit(bit, map); }
inline void clear_bit_unlock(usize bit, u64* map) {
    bit_word(bit, map).fetch_and(~bit_mask(bit), std::memory_order_release);
}

inline void set_bit_plain(usize bit, u64* map) { map[bit / 64] |= bit_mask(bit); }
inline void clear_bit_plain(usize bit, u64* map) { map[bit / 64] &= ~bit_mask(bit); }
inline void change_bit_plain(usize bit, u64* map) { map[bit / 64] ^= bit_mask(bit); }
