/// Which clocks a program can wait for: by sleeping, by a timer, by a timerfd.
#pragma once

#include "core/time/clock_base.h"
#include "core/time/timer_spec.h"
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

using time::TimerSpec;

}  // namespace process
