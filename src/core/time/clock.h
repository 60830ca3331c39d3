/// What time it is.
///
/// The kernel counts nanoseconds since boot (CLOCK_MONOTONIC), derived from the processor's time
/// stamp counter, whose rate is measured against the HPET or the PIT at boot. Wall-clock time is
/// that plus an offset taken from the CMOS clock.
#pragma once

#include "lib/types.h"

namespace time {

inline constexpr u64 kNsPerUs = 1'000;
inline constexpr u64 kNsPerMs = 1'000'000;
inline constexpr u64 kNsPerSec = 1'000'000'000;

/// Nanoseconds since boot; never steps back on a processor. Any context. 0 before clock_init().
u64 now_ns();

/// Nanoseconds since 1970 (CLOCK_REALTIME).
u64 realtime_ns();

/// Sets the wall clock; CLOCK_MONOTONIC does not move.
void set_realtime_ns(u64 ns);

u64 tsc_khz();

/// Measures the clocks and reads the date. Boot, once.
void init();

/// Spins. For devices that want microseconds, before and after the scheduler is up.
void delay_us(u64 us);

}  // namespace time
