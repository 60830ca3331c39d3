/// Jiffies: the time in ticks, for everything that need not be exact.
///
/// A tick is 1/kHz of a second long. The count is not brought up to date by reading a clock but by
/// the tick interrupt of one processor (tick/tick.h), so reading it costs a load, and it stands
/// still between ticks. While all processors sleep nobody counts; then readers do it themselves.
///
/// Why 250: short enough for fair shares of processor time and for time-outs, and four
/// milliseconds of work between interrupts; it is also what Debian's kernels use.
///
/// The count starts shortly before it overflows, so that code which compares ticks with < breaks
/// within five minutes after boot and not after years. Compare with time_after() and its like.
/// Linux: include/linux/jiffies.h (where only 32 bits of the count overflow that early).
#pragma once

#include <atomic>

#include "core/time/clock.h"

namespace time {

inline constexpr u64 kHz = 250;
inline constexpr u64 kInitialJiffies = u64(-300 * i64(kHz));

/// The longest distance from now that comparisons understand.
inline constexpr u64 kMaxJiffyOffset = ~u64{0} >> 2;

inline constexpr u32 kNobody = ~0u;

/// In a cache line of its own: all processors read it, one writes it every few milliseconds.
struct alignas(64) JiffiesClock {
    std::atomic<u64> count{kInitialJiffies};
    std::atomic<u32> keeper{kNobody};  // the processor whose tick counts
};
extern constinit JiffiesClock jiffies_clock;

/// Counts all ticks that have passed by `now_ns` and were not counted; returns how many. Ticks
/// begin at multiples of kTickNs on the monotonic clock, however late somebody comes to count them.
/// Any context, no lock.
u64 update_jiffies(u64 now_ns);

/// Ticks since kInitialJiffies, which is when the kernel was entered. Any context.
inline u64 jiffies() {
    if (jiffies_clock.keeper.load(std::memory_order_relaxed) == kNobody) [[unlikely]] {
        update_jiffies(now_ns());
    }
    return jiffies_clock.count.load(std::memory_order_relaxed);
}

/// Whether `a` is later than `b`, for any two counts less than kMaxJiffyOffset apart.
constexpr bool time_after(u64 a, u64 b) { return i64(b - a) < 0; }
constexpr bool time_before(u64 a, u64 b) { return time_after(b, a); }
constexpr bool time_after_eq(u64 a, u64 b) { return i64(a - b) >= 0; }
constexpr bool time_before_eq(u64 a, u64 b) { return time_after_eq(b, a); }

/// As many ticks as last at least that long; at most kMaxJiffyOffset.
constexpr u64 nsecs_to_jiffies(u64 ns) {
    const u64 ticks = ns / kTickNs + (ns % kTickNs != 0);
    return ticks < kMaxJiffyOffset ? ticks : kMaxJiffyOffset;
}
constexpr u64 msecs_to_jiffies(u64 ms) {
    constexpr u64 kMsPerTick = 1000 / kHz;
    const u64 ticks = ms / kMsPerTick + (ms % kMsPerTick != 0);
    return ticks < kMaxJiffyOffset ? ticks : kMaxJiffyOffset;
}
constexpr u64 jiffies_to_nsecs(u64 ticks) { return ticks * kTickNs; }
constexpr u64 jiffies_to_msecs(u64 ticks) { return ticks * (1000 / kHz); }

/// When tick `count` began, on the monotonic clock.
constexpr u64 jiffies_begin_ns(u64 count) { return (count - kInitialJiffies) * kTickNs; }

static_assert(kTickNs * kHz == kNsPerSec && 1000 % kHz == 0);

}  // namespace time
