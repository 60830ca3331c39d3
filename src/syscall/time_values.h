/// Times between the forms that system calls pass and the nanoseconds the kernel counts in.
///
/// A time too long for 64 bits of nanoseconds is cut to some 292 years, which nobody sees the end
/// of; sums of two such times still fit.
#pragma once

#include <array>

#include "abi/time.h"
#include "core/time/clock.h"
#include "core/time/timer_spec.h"
#include "lib/result.h"

namespace syscall {

inline constexpr u64 kNsPerSec = time::kNsPerSec;
inline constexpr u64 kLongestSec = ~u64{0} / kNsPerSec / 2;  // beyond: for ever

inline abi::Timespec to_timespec(u64 ns) { return {i64(ns / kNsPerSec), i64(ns % kNsPerSec)}; }
inline abi::Timeval to_timeval(u64 ns) { return {i64(ns / kNsPerSec), i64(ns % kNsPerSec / 1000)}; }

/// EINVAL for a negative time, or a fraction that is not below a second.
inline Result<u64> to_ns(const abi::Timespec& from) {
    if (from.sec < 0 || u64(from.nsec) >= kNsPerSec) return EINVAL;
    return std::min(u64(from.sec), kLongestSec) * kNsPerSec + u64(from.nsec);
}
inline Result<u64> to_ns(const abi::Timeval& from) {
    if (from.sec < 0 || u64(from.usec) >= 1'000'000) return EINVAL;
    return std::min(u64(from.sec), kLongestSec) * kNsPerSec + u64(from.usec) * 1000;
}

inline Result<time::TimerSpec> to_timer_spec(const abi::Itimerspec& from) {
    return time::TimerSpec{TRY(to_ns(from.value)), TRY(to_ns(from.interval))};
}
inline abi::Itimerspec to_itimerspec(const time::TimerSpec& from) {
    return {to_timespec(from.interval_ns), to_timespec(from.value_ns)};
}

}  // namespace syscall
