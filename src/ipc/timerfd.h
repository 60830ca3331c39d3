/// timerfd: a timer as a file; reading gives how often it has expired. Linux: fs/timerfd.c.
#pragma once

#include "core/time/clock_base.h"
#include "core/time/timer_spec.h"
#include "fs/file.h"

namespace ipc {

/// timerfd_create(2) on the clock `base`, called `clock_id` in fdinfo. `flags`: TFD_NONBLOCK,
/// TFD_CLOEXEC. EINVAL, ENOMEM.
Result<Ref<fs::File>> make_timerfd(int clock_id, time::ClockBase base, u32 flags);

/// timerfd_settime(2): starts it anew, or stops it; returns how it was. `flags`: TFD_TIMER_*.
/// EINVAL: other flags, or no timerfd. ECANCELED: with TFD_TIMER_CANCEL_ON_SET, the clock has been
/// set since the program was told last; the timer runs all the same.
Result<time::TimerSpec> timerfd_settime(fs::File& file, u32 flags, const time::TimerSpec& wanted);

/// timerfd_gettime(2). EINVAL.
Result<time::TimerSpec> timerfd_gettime(fs::File& file);

/// The clock id that the timerfd was made with. EINVAL.
Result<int> timerfd_clock(fs::File& file);

}  // namespace ipc
