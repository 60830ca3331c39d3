// LAB FILE (03-scheduling): see wait_queue.h. Linux: kernel/sched/wait.c.

#include "sched/wait_queue.h"

#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "lib/lab.h"
#include "sched/sched.h"

namespace sched {

const u32 WaitQueue::kAnySleep = kInterruptible | kUninterruptible;
const u32 WaitQueue::kSignalSleep = kInterruptible;

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

/// Apart from schedule_until(), so that who waits for ever has no timer on its stack.
[[gnu::noinline]] bool schedule_with_timer(u64 deadline_ns) {
    Timeout timeout;
    timeout.timer.start(deadline_ns);
    schedule();
    timeout.timer.cancel();
    return timeout.has_expired.load(std::memory_order_acquire);
}

}  // namespace

bool schedule_until(u64 deadline_ns) {
    if (deadline_ns != kForever) return schedule_with_timer(deadline_ns);
    schedule();
    return false;
}

/// LAB scheduling, task 5 "Wait queues" (handouts/03-scheduling.md). Write the body.
///   Before  lock_ is held; the entry is on no queue.
///   After   it is on this one and says so (is_queued): an exclusive one behind all others, any
///           other before all, so that a wake-up reaches those first.
///   Use     waiters_.push_back(), push_front().
///   Check   `make grade LAB=scheduling T=wait_queue`
void WaitQueue::add_locked(WaitQueueEntry& entry) {
#ifdef SOLVED_SCHEDULING
    if (entry.exclusive) {
        waiters_.push_back(entry);  // behind all others, so that wake_one() reaches those first
    } else {
        waiters_.push_front(entry);
    }
    entry.is_queued.store(true, std::memory_order_relaxed);
#else
    lab_todo("scheduling", "WaitQueue::add_locked");
#endif
}

void WaitQueue::add(WaitQueueEntry& entry) {
    IrqGuard guard(lock_);
    add_locked(entry);
}

void WaitQueue::remove(WaitQueueEntry& entry) {
    IrqGuard guard(lock_);
    if (entry.link.is_linked()) waiters_.remove(entry);
    entry.is_queued.store(false, std::memory_order_relaxed);
}

/// LAB scheduling, task 5 "Wait queues" (handouts/03-scheduling.md). Write the body.
///   Before  any context. An entry may be gone as soon as its is_queued is false.
///   After   from the first entry on, each was woken: by its callback, or with try_to_wake_up() if
///           its task sleeps in one of `states`. A task that was woken is off the queue if
///           its entry `leaves`. The walk ended behind the exclusive entry number
///           `exclusive_limit` that was woken. A task that was awake already, or was passed over,
///           does not count and stays.
///   Use     lock_, waiters_.removable() for a loop that may remove(), is_queued.
///   Check   `make grade LAB=scheduling T=wait_queue`
///   Think   two sleepers wait for one byte each; the first was just killed, and is awake. What if
///           it used up the only wake-up?
void WaitQueue::wake_waiters(unsigned exclusive_limit, u32 states) {
#ifdef SOLVED_SCHEDULING
    IrqGuard guard(lock_);
    for (WaitQueueEntry& entry : waiters_.removable()) {
        const bool exclusive = entry.exclusive;
        if (entry.callback != nullptr) {
            entry.callback(entry);
        } else if (!try_to_wake_up(*entry.task, states)) {
            continue;  // awake already, or passed over: it does not use the wake-up up
        } else if (entry.leaves) {
            waiters_.remove(entry);
            entry.is_queued.store(false, std::memory_order_release);  // now it may be gone
        }
        if (exclusive && --exclusive_limit == 0) return;
    }
#else
    lab_todo("scheduling", "WaitQueue::wake_waiters");
#endif
}

/// LAB scheduling, task 5 "Wait queues" (handouts/03-scheduling.md). Write the body.
///   After   the entry stands for the running task, leaves when woken, and is on the queue (once,
///           however often this is called); the state of the task is `state`. Whoever wakes the
///           queue from now on ends the sleep to come.
///   Use     lock_, add_locked(), entry.link.is_linked(), set_current_state().
///   Check   `make grade LAB=scheduling T=wait_queue`
///   Think   the caller tests its condition after this, not before. Why?
void WaitQueue::prepare_to_wait(WaitQueueEntry& entry, u32 state) {
#ifdef SOLVED_SCHEDULING
    entry.task = &current();
    entry.leaves = true;
    IrqGuard guard(lock_);
    if (!entry.link.is_linked()) add_locked(entry);
    // From here on a wake-up finds us; the state makes it count.
    set_current_state(state);
#else
    lab_todo("scheduling", "WaitQueue::prepare_to_wait");
#endif
}

void WaitQueue::finish_wait(WaitQueueEntry& entry) {
    current().state.store(kRunning, std::memory_order_relaxed);
    if (entry.is_queued.load(std::memory_order_acquire)) remove(entry);
}

/// LAB scheduling, task 5 "Wait queues" (handouts/03-scheduling.md). Write the body.
///   Before  `lock` is held and interrupts are off; the condition is false.
///   After   `lock` is held and interrupts are off again, the entry is off the queue. If a wake-up
///           took it off: nothing else counts. Otherwise ERESTARTSYS if a signal ended the
///           sleep, ETIMEDOUT if the deadline did; nothing if it just ended.
///   Use     prepare_to_wait(), schedule_until(), finish_wait(), signal_ends_sleep(), is_queued.
///   Check   `make grade LAB=scheduling T=wait_queue`
///   Think   a waker may come on any processor, or in an interrupt on this one, between any two of
///           your lines. Where would it be too early?
Result<void> WaitQueue::sleep_in(SpinLock& lock, u32 state, Wakes wakes,
                                 u64 deadline_ns) NO_LOCK_ANALYSIS {
#ifdef SOLVED_SCHEDULING
    WaitQueueEntry entry;
    entry.exclusive = wakes == Wakes::OneOfMany;
    prepare_to_wait(entry, state);
    lock.unlock();
    arch::irq_enable();
    const bool expired = schedule_until(deadline_ns);
    // Who was woken says so, whatever else has happened: an exclusive wake-up must not be lost.
    const bool woken = !entry.is_queued.load(std::memory_order_acquire);
    finish_wait(entry);
    arch::irq_disable();
    lock.lock();
    if (woken) return {};
    if (signal_ends_sleep(current(), state)) return ERESTARTSYS;
    if (expired) return ETIMEDOUT;
    return {};
#else
    lab_todo("scheduling", "WaitQueue::sleep_in");
#endif
}

Result<void> WaitQueue::sleep(SpinLock& lock) {
    return sleep_in(lock, kInterruptible, Wakes::Always, kForever);
}
Result<void> WaitQueue::sleep_exclusive(SpinLock& lock) {
    return sleep_in(lock, kInterruptible, Wakes::OneOfMany, kForever);
}
Result<void> WaitQueue::sleep_until(SpinLock& lock, u64 deadline_ns) {
    return sleep_in(lock, kInterruptible, Wakes::Always, deadline_ns);
}
Result<void> WaitQueue::sleep_killable(SpinLock& lock) {
    return sleep_in(lock, kKillable, Wakes::Always, kForever);
}
void WaitQueue::sleep_uninterruptible(SpinLock& lock) {
    (void)sleep_in(lock, kUninterruptible, Wakes::Always, kForever).ok();
}

Result<u64> WaitQueue::sleep_timeout(SpinLock& lock, u64 timeout_ns) {
    const u64 deadline = time::now_ns() + timeout_ns;
    const Result<void> slept = sleep_in(lock, kInterruptible, Wakes::Always, deadline);
    if (slept.ok()) {
        const u64 now = time::now_ns();
        return now < deadline ? deadline - now : 1;
    }
    if (slept.error() == ETIMEDOUT) return u64{0};
    return slept.error();
}

Result<void> sleep_until(u64 deadline_ns) {
    while (time::now_ns() < deadline_ns) {
        if (signal_pending(current())) return ERESTARTSYS;
        set_current_state(kInterruptible);
        schedule_until(deadline_ns);
        set_current_state(kRunning);
    }
    return {};
}

}  // namespace sched
