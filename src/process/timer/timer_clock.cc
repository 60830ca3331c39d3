// See timer_clock.h.

#include "process/timer/timer_clock.h"

#include "abi/prctl.h"
#include "abi/time.h"

namespace process {

/// The machine is never suspended, so alarm clocks are the plain ones, with their permission.
static Result<TimerClock> alarm_clock(time::ClockBase base) {
    if (!sched::capable(abi::CAP_WAKE_ALARM)) return EPERM;
    return TimerClock{base, std::nullopt};
}

Result<TimerClock> timer_clock_of(int clock_id) {
    using time::ClockBase;
    switch (clock_id) {
    case abi::CLOCK_REALTIME: return TimerClock{ClockBase::Realtime, std::nullopt};
    case abi::CLOCK_MONOTONIC: return TimerClock{ClockBase::Monotonic, std::nullopt};
    case abi::CLOCK_BOOTTIME: return TimerClock{ClockBase::Boottime, std::nullopt};
    case abi::CLOCK_TAI: return TimerClock{ClockBase::Tai, std::nullopt};
    case abi::CLOCK_REALTIME_ALARM: return alarm_clock(ClockBase::Realtime);
    case abi::CLOCK_BOOTTIME_ALARM: return alarm_clock(ClockBase::Boottime);
    case abi::CLOCK_MONOTONIC_RAW:
    case abi::CLOCK_REALTIME_COARSE:
    case abi::CLOCK_MONOTONIC_COARSE: return EOPNOTSUPP;
    }
    constexpr int kFileClock = 3, kKindMask = 7;
    if (clock_id < 0 && (clock_id & kKindMask) == kFileClock) return EOPNOTSUPP;
    const std::optional<CpuClock> cpu = cpu_clock_of(clock_id);
    if (!cpu) return EINVAL;
    return TimerClock{ClockBase::Monotonic, cpu};
}

}  // namespace process
