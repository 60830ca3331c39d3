/// Free objects form a chain through a word of their own, `offset` bytes into each.
///
/// In a hardened cache the word is encoded: with a secret, and with its own address (bytes swapped,
/// so that the random bits meet the regular ones). Who overwrites a freed object can then not make
/// the allocator hand out an address of his choice, and a stray write is noticed.
#pragma once

#include "lib/types.h"
#include "mm/slab.h"

namespace mm {

constexpr u64 encode_free_pointer(u64 secret, u64 pointer, u64 where) {
    return pointer ^ secret ^ __builtin_bswap64(where);
}

/// The object behind `object` in its chain. What it reads may be somebody else's by now: the
/// caller finds out when it compares the transaction id.
[[gnu::always_inline]] inline u64 next_free(const KmemCache& cache, u64 object) {
    const u64 where = object + cache.offset;
    const u64 word = *reinterpret_cast<const volatile u64*>(where);
    if (cache.secret != 0) [[unlikely]] {
        return encode_free_pointer(cache.secret, word, where);
    }
    return word;
}

[[gnu::always_inline]] inline void set_next_free(const KmemCache& cache, u64 object, u64 next) {
    const u64 where = object + cache.offset;
    if (cache.secret != 0) [[unlikely]] {
        next = encode_free_pointer(cache.secret, next, where);
    }
    *reinterpret_cast<volatile u64*>(where) = next;
}

}  // namespace mm
