// timer_settime(2), timer_gettime(2), timer_getoverrun(2).

#include "process/timer/posix_timer_internal.h"

namespace process {

namespace {

/// A timer of the running process, which stays while the mutex is held. EINVAL.
Result<PosixTimer*> find_timer(PosixTimers& all, i32 id) REQUIRES(all.mutex) {
    void* const found = id < 0 ? nullptr : all.table.load(u64(id));
    if (found == nullptr) return EINVAL;
    return static_cast<PosixTimer*>(found);
}

Result<PosixTimers*> timers_of_process() {
    PosixTimers* const all = sched::current().signal->posix_timers;
    if (all == nullptr) return EINVAL;
    return all;
}

/// What the timer's clock shows; 0 if nobody is left whose clock it is.
u64 clock_now(const PosixTimer& timer) {
    if (!timer.cpu) return timer.timer.clock_now_ns();
    IrqGuard guard(tasks_lock);
    Task* const task = clock_task_of(timer);
    return task == nullptr ? 0 : sample_cpu_clock(*timer.cpu, *task);
}

/// The timer does not wait, its callback does not run, its signal is not pending, and none of that
/// will be before `changes` is cleared. Returns how it was.
TimerSpec stop(PosixTimers& all, PosixTimer& timer) REQUIRES(all.mutex) {
    const u64 now = timer.cpu ? clock_now(timer) : 0;
    TimerSpec old;
    {
        IrqGuard guard(all.lock);
        if (timer.active) old = timer_value(timer, timer.cpu ? now : timer.timer.clock_now_ns());
        timer.changes = true;
        timer.requeue_pending = false;
    }
    timer.timer.cancel();
    if (timer.cpu || timer.queued.link.is_linked()) {
        IrqGuard guard(tasks_lock);
        cancel_cpu_timer(timer.cpu_timer);
        cancel_sigqueue(timer.queued);
    }
    return old;
}

void start_clock_timer(PosixTimer& timer, bool absolute, u64 value_ns) {
    if (tells_nobody(timer)) {
        timer.timer.set_expires(absolute ? value_ns : timer.timer.clock_now_ns() + value_ns);
    } else {
        timer.timer.start(value_ns,
                          absolute ? time::TimerMode::Absolute : time::TimerMode::Relative);
    }
}

/// ESRCH: whose clock it was is gone.
Result<void> start_cpu(PosixTimer& timer, bool absolute, u64 value_ns) {
    CpuTimersRoom room;
    TRY(room.reserve());
    IrqGuard guard(tasks_lock);
    Task* const task = clock_task_of(timer);
    if (task == nullptr) return ESRCH;
    const u64 expires = absolute ? value_ns : sample_cpu_clock(*timer.cpu, *task) + value_ns;
    timer.cpu_timer.expires_ns = expires;
    if (!tells_nobody(timer)) start_cpu_timer(timer.cpu_timer, *timer.cpu, *task, expires, room);
    return {};
}

}  // namespace

TimerSpec timer_value(PosixTimer& timer, u64 now_ns) {
    if (!timer.active) return {};
    const bool waits = !timer.requeue_pending && !tells_nobody(timer);
    if (timer.interval_ns != 0 && !waits) forward_timer(timer, now_ns);
    const u64 expires = expires_ns(timer);
    // What has expired but not yet told so still counts as running.
    const u64 least = tells_nobody(timer) ? 0 : 1;
    return {expires > now_ns ? expires - now_ns : least, timer.interval_ns};
}

Result<TimerSpec> timer_settime(i32 id, bool absolute, const TimerSpec& wanted) {
    PosixTimers& all = *TRY(timers_of_process());
    sched::MutexGuard guard(all.mutex);
    PosixTimer& timer = *TRY(find_timer(all, id));
    const TimerSpec old = stop(all, timer);
    const bool runs = wanted.value_ns != 0;
    {
        IrqGuard lock_guard(all.lock);
        timer.changes = false;
        timer.active = runs;
        timer.interval_ns = runs ? wanted.interval_ns : 0;
        timer.overrun = timer.last_overrun = 0;
        if (runs && !timer.cpu) start_clock_timer(timer, absolute, wanted.value_ns);
    }
    if (runs && timer.cpu) TRY(start_cpu(timer, absolute, wanted.value_ns));
    return TimerSpec(old);
}

Result<TimerSpec> timer_gettime(i32 id) {
    PosixTimers& all = *TRY(timers_of_process());
    sched::MutexGuard guard(all.mutex);
    PosixTimer& timer = *TRY(find_timer(all, id));
    const u64 now = clock_now(timer);
    if (timer.cpu && now == 0) return TimerSpec{};
    IrqGuard lock_guard(all.lock);
    return timer_value(timer, now);
}

Result<i32> timer_getoverrun(i32 id) {
    PosixTimers& all = *TRY(timers_of_process());
    sched::MutexGuard guard(all.mutex);
    const PosixTimer& timer = *TRY(find_timer(all, id));
    return i32(std::min<u64>(timer.last_overrun, INT32_MAX));
}

}  // namespace process
