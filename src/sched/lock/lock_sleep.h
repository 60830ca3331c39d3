/// How tasks sleep for a lock, and when they do not.
#pragma once

#include "core/lock/spin_lock.h"
#include "sched/lock/lock_waiter.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

/// Sleeps in `state` without `inner`, which is held before and after, until somebody wakes the
/// task, a signal ends the sleep, or `deadline_ns` has come: true then. Returns at once if there is
/// a signal already; the caller looks for one before it calls.
inline bool sleep_for_lock(SpinLock& inner, u32 state,
                           u64 deadline_ns = kForever) NO_LOCK_ANALYSIS {
    current().state.store(state, std::memory_order_seq_cst);
    inner.unlock();
    arch::irq_enable();
    const bool expired = schedule_until(deadline_ns);
    current().state.store(kRunning, std::memory_order_relaxed);
    arch::irq_disable();
    inner.lock();
    return expired;
}

/// Whether it is worth looking on until `holder` lets go: it is running on another processor, and
/// nobody wants ours. `holder` may be dead already; its memory is only looked at, not relied on.
inline bool is_worth_spinning(const Task& holder) {
    return holder.on_cpu.load(std::memory_order_relaxed) != 0 && !need_resched();
}

}  // namespace sched
