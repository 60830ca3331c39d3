/// Which clocks a program can wait for: by sleeping, by a timer, by a timerfd.
#pragma once

#include "core/time/clock_base.h"
#include "process/timer/cpu_clock.h"

namespace process {

/// A clock that calls back: one of the timer queues' or, if `cpu` is set, one that counts how long
/// somebody runs.
struct TimerClock {
    time::ClockBase base = time::ClockBase::Monotonic;
    std::optional<CpuClock> cpu;
};

/// EINVAL: no such clock. EOPNOTSUPP: it can only be read (raw and coarse ones). EPERM: an alarm
/// clock, which would wake the machine up, without CAP_WAKE_ALARM.
Result<TimerClock> timer_clock_of(int clock_id);

/// struct itimerspec in nanoseconds.
struct TimerSpec {
    u64 value_ns = 0;  // 0: not running
    u64 interval_ns = 0;
};

}  // namespace process
