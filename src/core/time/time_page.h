/// TimePage: everything that reading a clock takes, in one page. The timekeeper writes it, the
/// kernel reads it, and so do programs: it is mapped, read-only, as [vvar] next to the vDSO.
///
/// Reading: take `sequence` and begin again while it is odd; read; begin again if `sequence` has
/// changed. The same discipline as SeqCount, written out here because programs follow it too.
///
///     monotonic = ns + ((counter - cycle_last & mask) * mult + fraction >> 32)
///     another clock = monotonic + its offset
///
/// The kernel reads its own copy, programs read one that is written along with it.
#pragma once

#include <atomic>

#include "abi/time.h"
#include "lib/types.h"

namespace time {

/// What a program must do to read the counter.
enum class TimeMode : u32 {
    SystemCall = 0,  // it cannot: ask the kernel
    Tsc = 1,
};

/// From counter values to nanoseconds: a straight line through (cycle_last, ns + fraction / 2^32)
/// with the slope mult / 2^32.
struct ClockLine {
    u64 mult;
    u64 ns;
    u64 fraction;  // below 2^32

    /// `delta` ticks after cycle_last.
    [[gnu::always_inline]] u64 at(u64 delta) const {
        return ns + u64(((unsigned __int128){delta} * mult + fraction) >> 32);
    }
};

struct TimePage {
    std::atomic<u32> sequence;
    TimeMode mode;
    u64 cycle_last;  // the counter at the last update
    u64 mask;
    u64 max_delta;  // more than that is a counter that is behind
    ClockLine monotonic;
    /// By clock id: what is to be added to the monotonic clock.
    u64 offset_ns[abi::CLOCK_TAI + 1];
    ClockLine raw;  // as monotonic, but never adjusted
    u64 coarse_ns;  // the monotonic clock at the last update
    u64 tick_ns;    // resolution of the coarse clocks
    u64 timer_ns;   // of the others, as timers have it
    i32 minutes_west, dst_time;
    u32 has_cpu_number;  // rdtscp yields the number of the processor

    /// Ticks since the last update. Processors whose counters differ a little may be behind it.
    [[gnu::always_inline]] u64 delta_of(u64 cycles) const {
        const u64 delta = (cycles - cycle_last) & mask;
        return delta > max_delta ? 0 : delta;
    }
};

}  // namespace time
