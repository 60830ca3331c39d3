// alarm(2) and setitimer(ITIMER_REAL): one high-resolution timer per process, made at first use.

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
    SpinLock lock{"itimer", LockRank::Futex};
    u64 interval_ns GUARDED_BY(lock) = 0;
    const PidNumber tgid;
};

}  // namespace sched

namespace process {

using sched::RealTimer;

/// By number and not by pointer: the process may be gone when this runs.
static time::Restart it_real_fn(time::HrTimer& timer) {
    RealTimer& real = reinterpret_cast<RealTimer&>(timer);  // its first member
    {
        IrqGuard guard(real.lock);
        if (real.interval_ns != 0) timer.start(timer.expires_ns() + real.interval_ns);
    }
    IrqGuard guard(tasks_lock);
    Task* const task = sched::find_task(real.tgid);
    if (task == nullptr || task->signal == nullptr) return time::Restart::No;
    abi::SigInfo info;
    info.signo = abi::SIGALRM;
    info.code = abi::SI_KERNEL;
    (void)send_signal_locked(*task, info, Target::Process);
    return time::Restart::No;
}

static Result<RealTimer*> own_timer() {
    Task& task = sched::current();
    if (task.signal->real_timer) return task.signal->real_timer;
    mm::Own<RealTimer> made = TRY(mm::make<RealTimer>(task.tgid));
    IrqGuard guard(task.sighand->lock);
    if (!task.signal->real_timer) task.signal->real_timer = made.leak();
    return task.signal->real_timer;
}

Result<RealTimerValue> set_real_timer(const RealTimerValue& value) {
    if (value.left_ns == 0 && sched::current().signal->real_timer == nullptr) {
        return RealTimerValue{0, 0};
    }
    RealTimer& real = *TRY(own_timer());
    const RealTimerValue old = get_real_timer();
    real.timer.cancel();
    IrqGuard guard(real.lock);
    real.interval_ns = value.left_ns ? value.interval_ns : 0;
    if (value.left_ns != 0) real.timer.start(time::now_ns() + value.left_ns);
    return old;
}

RealTimerValue get_real_timer() {
    RealTimer* const real = sched::current().signal->real_timer;
    if (real == nullptr) return {0, 0};
    IrqGuard guard(real->lock);
    if (!real->timer.is_queued()) return {0, 0};
    const u64 now = time::now_ns(), expires = real->timer.expires_ns();
    return {expires > now ? expires - now : 1, real->interval_ns};
}

void stop_real_timer(SignalStruct& signal) {
    RealTimer* const real = std::exchange(signal.real_timer, nullptr);
    if (real == nullptr) return;
    {
        IrqGuard guard(real->lock);
        real->interval_ns = 0;
    }
    real->timer.cancel();
    mm::destroy(real);
}

}  // namespace process
