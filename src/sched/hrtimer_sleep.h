/// Sleeping until a time of one of the clocks. Linux: kernel/time/hrtimer.c (do_nanosleep).
#pragma once

#include "core/time/clock_base.h"
#include "lib/result.h"

namespace sched {

/// Sleeps until `clock` shows `deadline_ns`, and at most the task's timer slack longer (a task of a
/// real-time class has none). ERESTARTSYS if a signal comes first.
Result<void> hrtimer_sleep(time::ClockBase clock, u64 deadline_ns);

}  // namespace sched
