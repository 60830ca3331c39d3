/// Signals for tasks that run for longer than they said: SCHED_FLAG_DL_OVERRUN and RLIMIT_RTTIME.
/// Linux: kernel/time/posix-cpu-timers.c (check_dl_overrun, check_thread_timers).
#pragma once

#include "process/process.h"

namespace process {

/// RLIMIT_RTTIME, us: a real-time task that has not slept for so long makes its process get
/// SIGXCPU, a second later again, and SIGKILL at the hard limit. For the tick, about the running
/// task; no locks. See: getrlimit(2).
void check_rt_time(sched::Task& task);

/// Boot: from here on deadline tasks hear of overruns, if they have asked for it.
void init_sched_limits();

}  // namespace process
