/// Tasks waiting for a condition on some data to become true. Always used as a loop:
///
///     IrqGuard guard(lock);                          // the lock that guards the data
///     while (!condition) TRY(queue.sleep(lock));
///
/// Why no wake-up can be lost: the condition changes only under `lock`, and sleep() joins the
/// queue before it lets go of that lock. So a change comes either before the test, which then
/// succeeds, or after the sleeper can be found. Why a loop: between the wake-up and our return
/// somebody else may have taken what we waited for.
///
/// Linux: kernel/sched/wait.c (prepare_to_wait, finish_wait).
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/result.h"

namespace sched {

struct Task;

/// One who waits. sleep() makes its own; poll and epoll use entries with a callback.
struct WaitQueueEntry {
    ListLink link;
    Task* task = nullptr;    // woken, unless there is a callback
    bool exclusive = false;  // wake_one() stops after the first of these
    /// Called instead of waking `task`, with the queue's lock held and interrupts off.
    void (*callback)(WaitQueueEntry& entry) = nullptr;
    void* context = nullptr;  // the callback's own
};

class WaitQueue {
public:
    constexpr WaitQueue() = default;
    WaitQueue(const WaitQueue&) = delete;

    /// Lets go of `lock`, sleeps until woken, takes `lock` again. ERESTARTSYS if a signal came
    /// first. No other spin lock may be held.
    Result<void> sleep(SpinLock& lock) REQUIRES(lock);

    /// As sleep(), but wake_one() wakes only one of such sleepers.
    Result<void> sleep_exclusive(SpinLock& lock) REQUIRES(lock);

    /// As sleep(), at most until `deadline_ns` on the monotonic clock: then ETIMEDOUT.
    Result<void> sleep_until(SpinLock& lock, u64 deadline_ns) REQUIRES(lock);

    /// As sleep(), but no signal ends it.
    void sleep_uninterruptible(SpinLock& lock) REQUIRES(lock);

    /// Call with the data's lock held, after changing the data. Any context.
    void wake_one() { wake(1); }
    void wake_all() { wake(~0u); }

    void add(WaitQueueEntry& entry);
    /// After this the entry's callback does not run and will not run.
    void remove(WaitQueueEntry& entry);
    bool has_waiters() const { return !waiters_.empty(); }

private:
    void wake(unsigned exclusive_limit);
    Result<void> sleep_in(SpinLock& lock, u32 state, bool exclusive, u64 deadline_ns)
        REQUIRES(lock);

    SpinLock lock_{"wait_queue", LockRank::WaitQueue};
    List<WaitQueueEntry, &WaitQueueEntry::link> waiters_;  // written under lock_
};

inline constexpr u64 kForever = ~0ull;

/// Sleeps until `deadline_ns`; ERESTARTSYS if a signal comes first.
Result<void> sleep_until(u64 deadline_ns);

}  // namespace sched
