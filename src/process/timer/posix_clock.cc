// See posix_clock.h.

#include "process/timer/posix_clock.h"

#include "abi/prctl.h"
#include "core/time/clock.h"
#include "core/time/tick/tick.h"
#include "process/timer/cpu_clock.h"
#include "sched/sched.h"

namespace process {

namespace {

template <u64 (*Read)()>
Result<u64> reading(int) {
    return Read();
}

Result<u64> one_ns(int) { return 1; }
Result<u64> one_tick(int) { return time::kTickNs; }
Result<u64> timers(int) { return time::hrtimer_resolution_ns(); }

Result<void> set_realtime(int, u64 ns) {
    if (!sched::capable(abi::CAP_SYS_TIME)) return EPERM;
    return time::set_realtime_ns(ns);
}

/// Of a process or thread; the id is one of theirs.
Result<u64> cpu_time(int clock) {
    const std::optional<CpuClock> found = cpu_clock_of(clock);
    if (!found) return EINVAL;
    return read_cpu_clock(*found);
}

Result<u64> cpu_resolution(int clock) {
    const std::optional<CpuClock> found = cpu_clock_of(clock);
    if (!found) return EINVAL;
    return cpu_clock_resolution_ns(*found);
}

/// Time that was used cannot be given back.
Result<void> refuse(int clock, u64) {
    TRY(cpu_time(clock));  // there must be such a process
    return EPERM;
}

constexpr KClock kRealtime{reading<time::realtime_ns>, timers, set_realtime, true};
constexpr KClock kMonotonic{reading<time::now_ns>, timers};
constexpr KClock kProcessTime{cpu_time, one_ns};
constexpr KClock kThreadTime{cpu_time, one_ns};
constexpr KClock kCpuTime{cpu_time, cpu_resolution, refuse};
constexpr KClock kRaw{reading<time::raw_ns>, timers};
constexpr KClock kRealtimeCoarse{reading<time::realtime_coarse_ns>, one_tick};
constexpr KClock kMonotonicCoarse{reading<time::coarse_ns>, one_tick};
constexpr KClock kBoottime{reading<time::boottime_ns>, timers};
constexpr KClock kRealtimeAlarm{reading<time::realtime_ns>, timers};
constexpr KClock kBoottimeAlarm{reading<time::boottime_ns>, timers};
constexpr KClock kTai{reading<time::tai_ns>, timers};

constexpr const KClock* kClocks[] = {
    &kRealtime,         // CLOCK_REALTIME
    &kMonotonic,        // CLOCK_MONOTONIC
    &kProcessTime,      // CLOCK_PROCESS_CPUTIME_ID
    &kThreadTime,       // CLOCK_THREAD_CPUTIME_ID
    &kRaw,              // CLOCK_MONOTONIC_RAW
    &kRealtimeCoarse,   // CLOCK_REALTIME_COARSE
    &kMonotonicCoarse,  // CLOCK_MONOTONIC_COARSE
    &kBoottime,         // CLOCK_BOOTTIME
    &kRealtimeAlarm,    // CLOCK_REALTIME_ALARM
    &kBoottimeAlarm,    // CLOCK_BOOTTIME_ALARM
    nullptr,            // once CLOCK_SGI_CYCLE
    &kTai,              // CLOCK_TAI
};
constexpr int kClockCount = sizeof kClocks / sizeof kClocks[0];

}  // namespace

const KClock* clockid_to_kclock(int clock) {
    constexpr int kOfDescriptor = 3;  // clocks that are files: there are none
    if (clock < 0) return (clock & 7) == kOfDescriptor ? nullptr : &kCpuTime;
    return clock < kClockCount ? kClocks[clock] : nullptr;
}

}  // namespace process
