/// What time it is.
///
/// The kernel counts nanoseconds since boot (CLOCK_MONOTONIC) with the best counter of the machine
/// (clocksource.h); the other clocks are that plus an offset. Readers take no lock.
#pragma once

#include "lib/result.h"
#include "lib/types.h"

namespace time {

inline constexpr u64 kNsPerUs = 1'000;
inline constexpr u64 kNsPerMs = 1'000'000;
inline constexpr u64 kNsPerSec = 1'000'000'000;

/// The length of a tick: HZ = 250. Coarse clocks move once in a tick.
inline constexpr u64 kTickNs = 4'000'000;

/// Nanoseconds since boot (CLOCK_MONOTONIC); never steps back, not even between processors. Any
/// context but NMIs. 0 before init().
u64 now_ns();

/// The same for NMIs: it never waits, but while the clock is being adjusted it may be some
/// nanoseconds off, in either direction.
u64 mono_fast_ns();

/// CLOCK_MONOTONIC_RAW: as now_ns(), but NTP does not adjust its rate.
u64 raw_ns();

/// Nanoseconds since 1970: CLOCK_REALTIME, and CLOCK_TAI, which has no leap seconds.
u64 realtime_ns();
u64 tai_ns();

/// CLOCK_BOOTTIME: as now_ns(), time in suspend included.
u64 boottime_ns();

/// now_ns() and realtime_ns() as they were at the last tick.
u64 coarse_ns();
u64 realtime_coarse_ns();

/// Sets the wall clock; CLOCK_MONOTONIC does not move. EINVAL: earlier than the uptime, or too
/// late to be followed by 30 years. Thread context.
Result<void> set_realtime_ns(u64 ns);

u64 tsc_khz();

/// Measures the clocks, registers them, and reads the date. Boot, once; interrupts are off.
void init();

/// Starts the watch over the clocks. Boot, once timers work.
void start_clock_watchdog();

/// Spins. For devices that want microseconds, before and after the scheduler is up.
void delay_us(u64 us);

}  // namespace time
