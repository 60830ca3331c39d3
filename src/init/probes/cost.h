/// What one call of an allocating function costs, and one of the function that frees: in ticks of
/// the time-stamp counter, which counts instructions in a deterministic machine.
#pragma once

#include "arch/cpu.h"
#include "lib/result.h"

namespace probes {

struct Cost {
    u64 alloc = ~u64{0}, free = ~u64{0};  // ~0: there was no memory
};

/// How many things are had at a time: few, so that the lists of the fast paths suffice; or many.
inline constexpr usize kFewThings = 8, kManyThings = 512, kCostRounds = 100;

template <class T>
struct Things {
    T* thing[kManyThings];
};

/// `Alloc()` gives a Result<T*>, `Free(T*)` takes it back.
template <class T, auto Alloc, auto Free>
bool take_things(Things<T>& things, usize count) {
    for (usize i = 0; i < count; i++) {
        Result<T*> thing = Alloc();
        if (!thing.ok()) {
            while (i-- > 0) Free(things.thing[i]);
            return false;
        }
        things.thing[i] = thing.value();
    }
    return true;
}

template <class T, auto Free>
void give_things(Things<T>& things, usize count) {
    for (usize i = 0; i < count; i++) Free(things.thing[i]);
}

/// Of a few at a time: the least of many measurements, with what the loop takes.
template <class T, auto Alloc, auto Free>
Cost measure_few(Things<T>& things) {
    Cost least;
    for (usize round = 0; round < kCostRounds; round++) {
        const u64 start = arch::rdtsc();
        if (!take_things<T, Alloc, Free>(things, kFewThings)) return {};
        const u64 middle = arch::rdtsc();
        give_things<T, Free>(things, kFewThings);
        least.free = std::min(least.free, arch::rdtsc() - middle);
        least.alloc = std::min(least.alloc, middle - start);
    }
    return {.alloc = least.alloc / kFewThings, .free = least.free / kFewThings};
}

/// Of many at a time, both together, on average: with what is behind the fast paths. ENOMEM.
template <class T, auto Alloc, auto Free>
Result<u64> measure_many(Things<T>& things) {
    u64 all = 0;
    for (usize round = 0; round < kCostRounds; round++) {
        const u64 start = arch::rdtsc();
        if (!take_things<T, Alloc, Free>(things, kManyThings)) return ENOMEM;
        give_things<T, Free>(things, kManyThings);
        all += arch::rdtsc() - start;
    }
    return all / (kManyThings * kCostRounds);
}

}  // namespace probes
