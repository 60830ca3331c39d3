/// What the probe slab_caches does against the clock, and with all processors at once.
#pragma once

#include "mm/slab.h"

namespace probes {

inline constexpr u64 kConstructed = 0x1234'5678'9abc'def0;

/// Ticks for `count` times one allocation and one free, the loop included.
u64 cost_of_pairs(mm::KmemCache& cache, u32 count);
/// Ticks for `batches` times `count` allocations and then as many frees.
u64 cost_of_batches(mm::KmemCache& cache, u32 count, u32 batches);

/// Takes objects until there are none, and gives all back; how many there were.
u64 exhaust(mm::KmemCache& cache);

struct Races {
    u64 twice, between;
};
/// In each round an interrupt that takes two objects and gives one back comes a little later.
Races run_races(mm::KmemCache& cache, u32 rounds);

/// A thread on each processor allocates, passes on, and frees what others have allocated. Objects
/// of at least 16 bytes whose first word is the allocator's neither in use nor free.
u64 run_storm_on_all(mm::KmemCache& cache, u32 steps);

}  // namespace probes
