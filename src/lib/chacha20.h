/// ChaCha20: from a key, a counter and a nonce, 64 bytes that nobody can tell from random ones
/// without the key (RFC 8439). The random pool generates its output with it.
#pragma once

#include <span>

#include "lib/types.h"

/// The input of a block, as the cipher lays it out.
struct ChaCha20State {
    static constexpr usize kKeyWords = 8;
    static constexpr usize kNonceWords = 3;

    u32 key[kKeyWords] = {};
    u32 counter = 0;
    u32 nonce[kNonceWords] = {};
};

/// Writes the block for `state` to `out`; the caller then advances the counter, and never uses a
/// pair of counter and nonce twice under one key. Takes the same time whatever the key.
void chacha20_block(const ChaCha20State& state, std::span<std::byte, 64> out);
