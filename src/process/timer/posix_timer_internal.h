/// Shared by the posix_timer*.cc.
#pragma once

#include "process/signal_internal.h"
#include "process/timer/forward.h"
#include "process/timer/posix_timer.h"

namespace process {

/// The task whose clock a CPU-time timer follows; null if it is gone.
Task* clock_task_of(const PosixTimer& timer) REQUIRES(tasks_lock);

inline bool tells_nobody(const PosixTimer& timer) { return timer.notify == abi::SIGEV_NONE; }

inline u64 expires_ns(const PosixTimer& timer) {
    return timer.cpu ? timer.cpu_timer.expires_ns : timer.timer.expires_ns();
}

/// Moves the expiry of a periodic timer that does not wait behind `now`, and counts.
inline void forward_timer(PosixTimer& timer, u64 now_ns) {
    timer.overrun += timer.cpu ? forward(timer.cpu_timer.expires_ns, now_ns, timer.interval_ns)
                               : timer.timer.forward(now_ns, timer.interval_ns);
}

/// The timer as timer_gettime(2) shows it, at `now_ns` of its clock. PosixTimers::lock is held.
TimerSpec timer_value(PosixTimer& timer, u64 now_ns);

}  // namespace process
