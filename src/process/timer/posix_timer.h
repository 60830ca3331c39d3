/// The timers of timer_create(2). Linux: kernel/time/posix-timers.c.
///
/// Each has a number within its process, a clock, and a signal whose queue entry is part of it, so
/// that expiring needs no memory and never queues more than one. A periodic timer that has
/// expired does not wait again until its signal has been taken (or, being ignored, thrown away):
/// what passes meanwhile is counted as overrun, and no short interval can flood the processor.
///
/// Who does what: the calls of one process take turns (PosixTimers::mutex), so a timer is never set
/// and deleted at once. Against them run the expiry, in interrupt context, and the taking of the
/// signal, in any thread; with these they share PosixTimers::lock, and `changes`, which is set
/// while a call takes the timer apart: then nobody else sends its signal or starts it.
///
/// Lock order: mutex, task list, [sighand or PosixTimers::lock], timer queue. A timer that was
/// found under the task list lock stays until that is released.
#pragma once

#include <span>

#include "abi/signal.h"
#include "abi/time.h"
#include "core/time/hrtimer.h"
#include "lib/xarray.h"
#include "process/signal.h"
#include "process/timer/cpu_timer.h"
#include "process/timer/timer_clock.h"
#include "sched/mutex.h"

namespace process {
time::Restart posix_timer_fn(time::HrTimer& timer);
void posix_cpu_timer_fn(sched::CpuTimer& timer);
}  // namespace process

namespace sched {

struct PosixTimer {
    PosixTimer(SignalStruct& owner, int clock, const process::TimerClock& what)
        : timer(process::posix_timer_fn, what.base),
          signal(owner),
          clock_id(clock),
          cpu(what.cpu) {}

    time::HrTimer timer;  // first: the callback gets from it to this
    CpuTimer cpu_timer{process::posix_cpu_timer_fn, this};
    SignalStruct& signal;  // whose
    i32 id = 0;
    const int clock_id;
    std::optional<process::CpuClock> cpu;  // counts processor time, with cpu_timer, of …
    u64 cpu_start_ns = 0;  // … the task that began then, lest its number be reused
    i32 notify = abi::SIGEV_SIGNAL;
    PidNumber thread = 0;  // SIGEV_THREAD_ID: to whom, and when that began
    u64 thread_start_ns = 0;
    SigQueue queued;  // the signal; guarded by the sighand lock

    // Guarded by PosixTimers::lock; the expiry itself is in `timer` or `cpu_timer`.
    u64 interval_ns = 0;
    bool active = false;           // set, and not expired for the last time
    bool requeue_pending = false;  // periodic, expired, and to be started when the signal is taken
    bool changes = false;          // see above
    u64 overrun = 0;       // since its signal was taken last: expiries, the one that sent it too
    u64 last_overrun = 0;  // what timer_getoverrun(2) says

    process::Target target() const {
        return thread != 0 ? process::Target::Thread : process::Target::Process;
    }
};

struct PosixTimers {
    Mutex mutex{"posix_timers"};
    SpinLock lock{"posix_timers", LockRank::PosixTimers};
    XArray table;  // PosixTimer by id; read under either lock, written under both
    u32 next_id = 0;
};

}  // namespace sched

namespace process {

using sched::PosixTimer;
using sched::PosixTimers;

/// All of the running task's process. A `clock_id` that timer_clock_of() refuses: its errno.
/// EINVAL: a clock of nobody, or `event` is not sensible; null: SIGALRM with the id as value.
/// EAGAIN: RLIMIT_SIGPENDING, which every timer's signal counts for, or no id is left; ENOMEM.
Result<i32> timer_create(int clock_id, const abi::Sigevent* event);
/// Returns what was set before. EINVAL: no such timer. ESRCH: its process or thread is gone.
Result<TimerSpec> timer_settime(i32 id, bool absolute, const TimerSpec& wanted);
Result<TimerSpec> timer_gettime(i32 id);
Result<i32> timer_getoverrun(i32 id);
Result<void> timer_delete(i32 id);

/// The process ends or executes another program: deletes them all.
void exit_posix_timers(sched::SignalStruct& signal);
void free_posix_timers(sched::SignalStruct& signal);

/// The running task has taken the signal of a timer: it goes on if it is periodic, and `info` gets
/// the overrun. The sighand lock is not held.
void posix_timer_taken(abi::SigInfo& info);
/// Pending signals of timers were thrown away as ignored: the timers go on.
void posix_timers_flushed(sched::SignalStruct& signal) REQUIRES(sched::tasks_lock);

/// For /proc/<pid>/timers: calls `body` for each; may sleep.
void for_each_posix_timer(sched::SignalStruct& signal, void (*body)(const PosixTimer&, void*),
                          void* context);

}  // namespace process
