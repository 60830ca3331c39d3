// Taking works back. Whoever owns kPending decides what becomes of a work, so cancelling begins
// with getting hold of it. Linux: try_to_grab_pending().

#include "core/time/clock.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"
#include "sched/workqueue/internal.h"

namespace sched {

namespace {

Grabbed try_to_grab(Work& work, DelayedWork* delayed) {
    if (delayed != nullptr && delayed->timer.try_to_cancel() == time::CancelResult::Cancelled) {
        return Grabbed::WasPending;
    }
    const u32 before = work.state.fetch_or(Work::kPending, std::memory_order_acq_rel);
    if (!(before & Work::kPending)) return Grabbed::WasIdle;
    if (before & Work::kCanceling) return Grabbed::IsCancelled;
    WorkerPool* const pool = work.on_list.load(std::memory_order_acquire);
    if (pool == nullptr) return Grabbed::TryAgain;  // just being put in, or taken out
    IrqGuard guard(pool->lock);
    if (work.on_list.load(std::memory_order_relaxed) != pool) return Grabbed::TryAgain;
    PoolQueue& queue = *work.queue;
    unlist(work);
    end_waiting(*pool, &work, nullptr);
    work_is_done(queue, work.color, work.is_active);
    return Grabbed::WasPending;
}

}  // namespace

void release_pending(Work& work) {
    work.state.fetch_and(~u32{Work::kPending}, std::memory_order_release);
}

Grabbed grab_pending(Work& work, DelayedWork* delayed) {
    for (;;) {
        const Grabbed result = try_to_grab(work, delayed);
        if (result != Grabbed::TryAgain) return result;
        arch::cpu_relax();  // somebody has it, with interrupts off: not for long
    }
}

static bool cancel(Work& work, DelayedWork* delayed) {
    IrqOffGuard guard;
    const Grabbed result = grab_pending(work, delayed);
    if (result != Grabbed::IsCancelled) release_pending(work);
    return result == Grabbed::WasPending;
}

/// Makes the work ours, and says so. False while somebody else cancels it.
static bool begin_cancelling(Work& work, DelayedWork* delayed, Grabbed& result) {
    IrqOffGuard guard;
    result = grab_pending(work, delayed);
    if (result == Grabbed::IsCancelled) return false;
    work.state.fetch_or(Work::kCanceling, std::memory_order_relaxed);
    return true;
}

/// While we hold kPending, nobody can queue it, not even its own function.
static bool cancel_sync(Work& work, DelayedWork* delayed) {
    Grabbed result;
    while (!begin_cancelling(work, delayed, result)) {
        (void)sleep_until(time::now_ns() + time::kNsPerMs).ok();
    }
    flush_work(work);
    work.state.fetch_and(~u32{Work::kPending | Work::kCanceling}, std::memory_order_release);
    return result == Grabbed::WasPending;
}

bool cancel_work(Work& work) { return cancel(work, nullptr); }
bool cancel_work_sync(Work& work) { return cancel_sync(work, nullptr); }
bool cancel_delayed_work(DelayedWork& work) { return cancel(work.work, &work); }
bool cancel_delayed_work_sync(DelayedWork& work) { return cancel_sync(work.work, &work); }

}  // namespace sched
