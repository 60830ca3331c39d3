// alarm(2) and setitimer(ITIMER_REAL): one high-resolution timer per process, made at first use.
//
// A periodic timer goes on when its signal is taken, not when it expires: with a short interval
// and a blocked signal the processor would do nothing else. Linux: kernel/time/itimer.c.

#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "mm/own.h"
#include "process/process.h"
#include "process/signal_internal.h"

namespace process {
static time::Restart it_real_fn(time::HrTimer& timer);
}

namespace sched {

struct RealTimer {
    explicit RealTimer(PidNumber process) : tgid(process) {}

    time::HrTimer timer{process::it_real_fn};
    SpinLock lock{"itimer", LockRank::PosixTimers};
    u64 interval_ns GUARDED_BY(lock) = 0;
    bool runs GUARDED_BY(lock) = false;  // has not expired for the last time
    const PidNumber tgid;
};

}  // namespace sched

namespace process {

using sched::RealTimer;

namespace {

/// Starts a periodic timer that does not wait already for its next time after `now`.
void restart(RealTimer& real, u64 now) {
    IrqGuard guard(real.lock);
    if (real.interval_ns == 0 || real.timer.is_queued()) return;
    real.timer.forward(now, real.interval_ns);
    real.timer.start(real.timer.expires_ns());
}

/// Waits until a timer that was stopped neither waits nor is about to send its signal, or somebody
/// has set it anew.
void settle(RealTimer& real) {
    for (;;) {
        IrqGuard guard(real.lock);
        if (real.runs || real.timer.try_to_cancel() != time::CancelResult::CallbackRuns) return;
    }
}

Result<RealTimer*> own_timer() {
    Task& task = sched::current();
    if (task.signal->real_timer) return task.signal->real_timer;
    mm::Own<RealTimer> made = TRY(mm::make<RealTimer>(task.tgid));
    IrqGuard guard(task.sighand->lock);
    if (!task.signal->real_timer) task.signal->real_timer = made.leak();
    return task.signal->real_timer;
}

ItimerValue value_locked(RealTimer& real) REQUIRES(real.lock) {
    if (!real.runs) return {0, 0};
    // What has expired and waits for its signal to be taken is about to start again.
    return {std::max(real.timer.remaining_ns(), time::kNsPerUs), real.interval_ns};
}

}  // namespace

/// By number and not by pointer: the process may be gone when this runs.
static time::Restart it_real_fn(time::HrTimer& timer) {
    RealTimer& real = reinterpret_cast<RealTimer&>(timer);  // its first member
    {
        IrqGuard guard(real.lock);
        // It was stopped, or set anew, while this was on its way to the lock.
        if (!real.runs || timer.is_queued()) return time::Restart::No;
        real.runs = real.interval_ns != 0;
    }
    IrqGuard guard(tasks_lock);
    Task* const task = sched::find_task(real.tgid);
    if (task == nullptr || task->signal == nullptr) return time::Restart::No;
    abi::SigInfo info;
    info.signo = abi::SIGALRM;
    info.code = abi::SI_KERNEL;
    if (!send_signal_unless_ignored(*task, info)) {
        restart(real, time::now_ns() + sched::kTickNs);  // nobody will take it; and not too often
    }
    return time::Restart::No;
}

void restart_real_timer(SignalStruct& signal) {
    if (signal.real_timer != nullptr) restart(*signal.real_timer, time::now_ns());
}

Result<ItimerValue> set_real_timer(const ItimerValue& value) {
    if (value.left_ns == 0 && sched::current().signal->real_timer == nullptr) {
        return ItimerValue{0, 0};
    }
    RealTimer& real = *TRY(own_timer());
    ItimerValue old;
    {
        IrqGuard guard(real.lock);
        old = value_locked(real);
        real.runs = value.left_ns != 0;
        real.interval_ns = real.runs ? value.interval_ns : 0;
        if (real.runs) real.timer.start(value.left_ns, time::TimerMode::Relative);
    }
    if (value.left_ns == 0) settle(real);
    return ItimerValue(old);
}

ItimerValue get_real_timer() {
    RealTimer* const real = sched::current().signal->real_timer;
    if (real == nullptr) return {0, 0};
    IrqGuard guard(real->lock);
    return value_locked(*real);
}

void stop_real_timer(SignalStruct& signal) {
    RealTimer* const real = std::exchange(signal.real_timer, nullptr);
    if (real == nullptr) return;
    {
        IrqGuard guard(real->lock);
        real->runs = false;
        real->interval_ns = 0;
    }
    real->timer.cancel();
    mm::destroy(real);
}

}  // namespace process
