/// Timers on the clock of a process or thread, the interval timers that count processor time, and
/// RLIMIT_CPU. Linux: kernel/time/posix-cpu-timers.c.
///
/// Such time passes only while somebody runs, so the tick looks whether anything is due, on the
/// processor where it passes. A timer is therefore up to a tick late, and a process without any
/// pays one comparison at each tick: `cpu_check_ns` says before which moment nothing can be due,
/// which follows from how much is missing and how many processors could supply it at once.
///
/// Everything here is guarded by the task list lock: the time of a process is a walk over its
/// threads.
#pragma once

#include "lib/rbtree.h"
#include "process/process.h"
#include "process/timer/cpu_clock.h"

namespace sched {

/// Calls a function when a CPU clock reaches a time. Must be cancelled before it goes away.
struct CpuTimer {
    CpuTimer(void (*function)(CpuTimer&), void* about) : expired(function), context(about) {}

    RbNode node;
    u64 expires_ns = 0;
    CpuTimers* queue = nullptr;  // on whose clock it waits; null: it does not wait
    process::CpuTime which = process::CpuTime::Sched;
    /// Called with the task list lock held, in the tick or where the timer is started too late; it
    /// does not wait any more, and may be started again.
    void (*const expired)(CpuTimer& timer);
    void* const context;  // the callback's own
};

/// What waits for one process or one thread.
struct CpuTimers {
    struct Earlier {
        bool operator()(const CpuTimer& a, const CpuTimer& b) const {
            return a.expires_ns < b.expires_ns;
        }
    };
    RbTree<CpuTimer, &CpuTimer::node, Earlier> queue[process::kCpuTimes];

    /// ITIMER_PROF and ITIMER_VIRTUAL, by CpuTime. Only a process' own.
    struct Interval {
        u64 expires_ns = 0;  // 0: not running
        u64 interval_ns = 0;
    };
    Interval itimer[2];
};

}  // namespace sched

namespace process {

using sched::CpuTimer;

/// Makes room for the timers of a process or thread ahead of the lock. ENOMEM.
class CpuTimersRoom {
public:
    CpuTimersRoom() = default;
    CpuTimersRoom(const CpuTimersRoom&) = delete;
    ~CpuTimersRoom();
    Result<void> reserve();
    sched::CpuTimers* take() { return std::exchange(made_, nullptr); }

private:
    sched::CpuTimers* made_ = nullptr;
};

/// Starts `timer` on the clock of `task`, which find_clock_task() found; `room` is reserved. A time
/// that has come already expires within the call, and an exiting task's clock never gets there.
void start_cpu_timer(CpuTimer& timer, const CpuClock& clock, sched::Task& task, u64 expires_ns,
                     CpuTimersRoom& room) REQUIRES(sched::tasks_lock);
/// The same for timer.expires_ns, where it was started before.
void restart_cpu_timer(CpuTimer& timer, const CpuClock& clock, sched::Task& task)
    REQUIRES(sched::tasks_lock);
/// True if it was waiting.
bool cancel_cpu_timer(CpuTimer& timer) REQUIRES(sched::tasks_lock);

/// The thread, and with the last one the process, has no number any more: what waits for its clock
/// waits for ever.
void cpu_timers_exit(sched::Task& task) REQUIRES(sched::tasks_lock);
/// The memory, when nobody can reach it.
void free_cpu_timers(sched::CpuTimers* timers);

/// A limit or a timer of the process has changed: the next tick looks.
inline void recheck_cpu_timers(sched::SignalStruct& signal) { signal.cpu_check_ns.store(0); }

/// setitimer(2) and getitimer(2) with ITIMER_VIRTUAL or ITIMER_PROF. ENOMEM.
Result<ItimerValue> set_cpu_itimer(CpuTime which, const ItimerValue& value);
ItimerValue get_cpu_itimer(CpuTime which);

/// clock_nanosleep(2) on such a clock until `deadline_ns`, or for as long if it is relative.
/// Returns how much was missing when a signal came: 0 if none did. EINVAL: no such clock; ENOMEM.
struct CpuSleep {
    u64 deadline_ns, left_ns;
};
Result<CpuSleep> sleep_on_cpu_clock(const CpuClock& clock, u64 ns, bool absolute);

}  // namespace process
