// A timer expires, its signal is taken, it goes on.

#include "core/time/clock.h"
#include "process/timer/posix_timer_internal.h"
#include "sched/sched.h"

namespace process {

namespace {

PosixTimers& all_of(const PosixTimer& timer) { return *timer.signal.posix_timers; }

/// To whom the timer sends its signal; null if that thread is gone.
Task* target_of(const PosixTimer& timer) REQUIRES(tasks_lock) {
    if (timer.thread == 0) return timer.signal.leader;
    Task* const thread = sched::find_task(timer.thread);
    if (thread == nullptr || thread->signal != &timer.signal) return nullptr;
    return thread->start_time_ns == timer.thread_start_ns ? thread : nullptr;
}

/// Starts a periodic timer that waits for its signal to be taken, for the first time after now,
/// but not before `least_ns` have passed. PosixTimers::lock is held.
void restart_clock_timer(PosixTimer& timer, u64 least_ns) {
    if (!timer.requeue_pending || timer.changes) return;
    timer.requeue_pending = false;
    forward_timer(timer, timer.timer.clock_now_ns() + least_ns);
    timer.timer.start(timer.timer.expires_ns());
}

void restart_cpu(PosixTimer& timer) REQUIRES(tasks_lock) {
    Task* const task = clock_task_of(timer);
    if (task == nullptr) return;
    const u64 now = sample_cpu_clock(*timer.cpu, *task);
    {
        IrqGuard guard(all_of(timer).lock);
        if (!timer.requeue_pending || timer.changes) return;
        timer.requeue_pending = false;
        forward_timer(timer, now);
    }
    restart_cpu_timer(timer.cpu_timer, *timer.cpu, *task);
}

/// The signal was thrown away: the timer goes on, but slowly, for nobody listens.
void restart_ignored(PosixTimer& timer) REQUIRES(tasks_lock) {
    if (timer.cpu) {
        restart_cpu(timer);
    } else {
        IrqGuard guard(all_of(timer).lock);
        restart_clock_timer(timer, sched::kTickNs);
    }
}

void fire(PosixTimer& timer) REQUIRES(tasks_lock) {
    {
        IrqGuard guard(all_of(timer).lock);
        if (timer.changes) return;
        timer.requeue_pending = timer.active = timer.interval_ns != 0;
    }
    Task* const target = target_of(timer);
    if (target == nullptr) return;
    if (!send_sigqueue(timer.queued, *target, timer.target())) restart_ignored(timer);
}

/// What the taken signal says: how often the timer expired beyond that once.
void tell_overrun(PosixTimer& timer, abi::SigInfo& info) {
    timer.last_overrun = timer.overrun == 0 ? 0 : timer.overrun - 1;
    timer.overrun = 0;
    info.set_timer(timer.id, i32(std::min<u64>(timer.last_overrun, INT32_MAX)));
}

}  // namespace

time::Restart posix_timer_fn(time::HrTimer& timer) {
    IrqGuard guard(tasks_lock);
    fire(reinterpret_cast<PosixTimer&>(timer));  // its first member
    return time::Restart::No;
}

void posix_cpu_timer_fn(CpuTimer& timer) NO_LOCK_ANALYSIS {
    fire(*static_cast<PosixTimer*>(timer.context));
}

void posix_timer_taken(abi::SigInfo& info) {
    PosixTimers& all = *sched::current().signal->posix_timers;
    const u64 id = u64(info.timer_id());
    {
        IrqGuard guard(all.lock);
        auto* const timer = static_cast<PosixTimer*>(all.table.load(id));
        if (timer == nullptr || !timer->requeue_pending) return;  // once only, or changed since
        if (!timer->cpu) {
            restart_clock_timer(*timer, 0);
            tell_overrun(*timer, info);
            return;
        }
    }
    IrqGuard guard(tasks_lock);
    auto* const timer = static_cast<PosixTimer*>(all.table.load(id));
    if (timer == nullptr) return;
    restart_cpu(*timer);
    IrqGuard lock_guard(all.lock);
    tell_overrun(*timer, info);
}

void posix_timers_flushed(SignalStruct& signal) {
    PosixTimers& all = *signal.posix_timers;
    u64 at = 0;
    for (;;) {
        PosixTimer* timer;
        {
            IrqGuard guard(all.lock);
            timer = static_cast<PosixTimer*>(all.table.find(at));
        }
        if (timer == nullptr) return;
        if (!timer->queued.link.is_linked()) restart_ignored(*timer);
        at++;
    }
}

}  // namespace process
