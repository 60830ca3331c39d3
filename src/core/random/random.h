/// Random bytes nobody can predict: for stack and mmap positions, AT_RANDOM, getrandom(2),
/// /dev/random. Linux: drivers/char/random.c.
///
/// One 256-bit key is the whole state. What comes in (the processor's generator, times of
/// interrupts, what root writes to /dev/random) is mixed into it through ChaCha20. What goes out
/// is ChaCha20's output under a key made for that request; the block that yields it also yields
/// the pool's next key, so that somebody who sees the memory later cannot compute what was given
/// out before ("fast key erasure").
///
/// All functions may be called in any context. Lock: LockRank::Random, for one block at a time.
#pragma once

#include <span>

#include "lib/types.h"

/// Fills `out`. Never waits: random_init() has collected enough before anybody can call.
void get_random_bytes(std::span<std::byte> out);
u64 get_random_u64();

/// Mixes bytes in. They need not be random: mixing never makes the state more predictable.
void mix_random_bytes(std::span<const std::byte> bytes);

/// An interrupt came: its time is kept, and mixed in before the next random bytes. A few
/// instructions.
void add_interrupt_randomness(unsigned vector);

/// Boot, before the first get_random_bytes(): RDSEED or RDRAND if the processor has them, and the
/// jitter of the time stamp counter. On a deterministic emulator the result is deterministic, as
/// everything there is.
void random_init();

/// What the state was seeded from, for the boot log: "rdseed", "rdrand" or "jitter".
const char* random_source();
