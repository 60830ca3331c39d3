// See wait_queue.h.

#include "sched/wait_queue.h"

#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "sched/sched.h"

namespace sched {

namespace {

/// Wakes a sleeper at its deadline.
struct Timeout {
    static time::Restart expired(time::HrTimer& timer) {
        auto& self = reinterpret_cast<Timeout&>(timer);  // its first member
        self.has_expired.store(true, std::memory_order_release);
        wake_up_process(self.task);
        return time::Restart::No;
    }

    time::HrTimer timer{expired};
    Task& task = current();
    std::atomic<bool> has_expired{false};
};

}  // namespace

void WaitQueue::add(WaitQueueEntry& entry) {
    IrqGuard guard(lock_);
    if (entry.exclusive) {
        waiters_.push_back(entry);  // behind all others, so that wake_one() reaches those first
    } else {
        waiters_.push_front(entry);
    }
}

void WaitQueue::remove(WaitQueueEntry& entry) {
    IrqGuard guard(lock_);
    if (entry.link.is_linked()) waiters_.remove(entry);
}

void WaitQueue::wake(unsigned exclusive_limit) {
    if (waiters_.empty()) return;
    IrqGuard guard(lock_);
    for (WaitQueueEntry& entry : waiters_) {
        if (entry.callback != nullptr) {
            entry.callback(entry);
        } else if (!wake_up_process(*entry.task)) {
            continue;  // awake already: it does not use the wake-up up
        }
        if (entry.exclusive && --exclusive_limit == 0) return;
    }
}

Result<void> WaitQueue::sleep_in(SpinLock& lock, u32 state, bool exclusive,
                                 u64 deadline_ns) NO_LOCK_ANALYSIS {
    Task& me = current();
    WaitQueueEntry entry;
    entry.task = &me;
    entry.exclusive = exclusive;
    add(entry);
    // From here on a wake-up finds us; the state makes it count.
    me.state.store(state, std::memory_order_seq_cst);
    lock.unlock();
    arch::irq_enable();

    bool expired = false;
    if (deadline_ns == kForever) {
        schedule();
    } else {
        Timeout timeout;
        timeout.timer.start(deadline_ns);
        schedule();
        timeout.timer.cancel();
        expired = timeout.has_expired.load(std::memory_order_acquire);
    }
    me.state.store(kRunning, std::memory_order_relaxed);
    remove(entry);
    arch::irq_disable();
    lock.lock();
    if (state == kInterruptible && signal_pending(me)) return ERESTARTSYS;
    if (expired) return ETIMEDOUT;
    return {};
}

Result<void> WaitQueue::sleep(SpinLock& lock) {
    return sleep_in(lock, kInterruptible, false, kForever);
}
Result<void> WaitQueue::sleep_exclusive(SpinLock& lock) {
    return sleep_in(lock, kInterruptible, true, kForever);
}
Result<void> WaitQueue::sleep_until(SpinLock& lock, u64 deadline_ns) {
    return sleep_in(lock, kInterruptible, false, deadline_ns);
}
void WaitQueue::sleep_uninterruptible(SpinLock& lock) {
    (void)sleep_in(lock, kUninterruptible, false, kForever).ok();
}

Result<void> sleep_until(u64 deadline_ns) {
    while (time::now_ns() < deadline_ns) {
        if (signal_pending(current())) return ERESTARTSYS;
        Timeout timeout;
        set_current_state(kInterruptible);
        timeout.timer.start(deadline_ns);
        schedule();
        timeout.timer.cancel();
        set_current_state(kRunning);
    }
    return {};
}

}  // namespace sched
