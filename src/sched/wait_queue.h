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
/// Where no lock guards the condition, sched/lock/wait_event.h has the loop.
///
/// Linux: kernel/sched/wait.c (prepare_to_wait, finish_wait).
#pragma once

#include <atomic>

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
    /// Leaves the queue when it is woken, so that the sleeper need not take the lock for that.
    bool leaves = false;
    std::atomic<bool> is_queued{false};  // cleared by the waker as the last thing it touches
    /// Called instead of waking `task`, with the queue's lock held and interrupts off.
    void (*callback)(WaitQueueEntry& entry) = nullptr;
    void* context = nullptr;  // the callback's own
};

inline constexpr u64 kForever = ~0ull;

class WaitQueue {
public:
    constexpr WaitQueue() = default;
    WaitQueue(const WaitQueue&) = delete;

    /// Lets go of `lock`, sleeps until woken, takes `lock` again. ERESTARTSYS if a signal came
    /// first. No other spin lock may be held, and `lock` is held by an IrqGuard.
    Result<void> sleep(SpinLock& lock) REQUIRES(lock);

    /// As sleep(), but wake_one() wakes only one of such sleepers.
    Result<void> sleep_exclusive(SpinLock& lock) REQUIRES(lock);

    /// As sleep(), at most until `deadline_ns` on the monotonic clock: then ETIMEDOUT.
    Result<void> sleep_until(SpinLock& lock, u64 deadline_ns) REQUIRES(lock);

    /// As sleep(), at most `timeout_ns`. How much of that is left: 0 if time is up, otherwise at
    /// least 1.
    Result<u64> sleep_timeout(SpinLock& lock, u64 timeout_ns) REQUIRES(lock);

    /// As sleep(), but only a signal that kills ends it.
    Result<void> sleep_killable(SpinLock& lock) REQUIRES(lock);

    /// As sleep(), but no signal ends it.
    void sleep_uninterruptible(SpinLock& lock) REQUIRES(lock);

    /// All of the above in one: `state` is kInterruptible, kUninterruptible or kKillable.
    enum class Wakes : u8 { Always, OneOfMany };
    Result<void> sleep_in(SpinLock& lock, u32 state, Wakes wakes, u64 deadline_ns) REQUIRES(lock);

    /// Wakes all who are not exclusive, and the first of those who are. Call with the data's lock
    /// held, after changing the data. Any context.
    void wake_one() { wake(1, kAnySleep); }
    /// As wake_one(), but up to `count` of those who are exclusive.
    void wake_some(unsigned count) { wake(count, kAnySleep); }
    void wake_all() { wake(kAll, kAnySleep); }

    /// As wake_one() and wake_all(), but tasks in an uninterruptible sleep are passed over.
    void wake_one_interruptible() { wake(1, kSignalSleep); }
    void wake_all_interruptible() { wake(kAll, kSignalSleep); }

    void add(WaitQueueEntry& entry);
    /// After this the entry's callback does not run and will not run.
    void remove(WaitQueueEntry& entry);
    bool has_waiters() const { return !waiters_.empty(); }

    /// For loops of one's own: joins the queue, unless `entry` is on it, and says in which state
    /// the running task will sleep. Then test the condition, schedule(), and begin again.
    void prepare_to_wait(WaitQueueEntry& entry, u32 state);
    /// Ends such a loop: the task runs, and is not on the queue.
    void finish_wait(WaitQueueEntry& entry);

private:
    static constexpr unsigned kAll = ~0u;
    static const u32 kAnySleep, kSignalSleep;

    void wake(unsigned exclusive_limit, u32 states) {
        if (!waiters_.empty()) wake_waiters(exclusive_limit, states);
    }
    void wake_waiters(unsigned exclusive_limit, u32 states);
    void add_locked(WaitQueueEntry& entry) REQUIRES(lock_);

    SpinLock lock_{"wait_queue", LockRank::WaitQueue};
    List<WaitQueueEntry, &WaitQueueEntry::link> waiters_;  // written under lock_
};

/// schedule(), and the task is woken at `deadline_ns` at the latest (kForever: never). True if that
/// is why. The caller has set its state.
bool schedule_until(u64 deadline_ns);

/// Sleeps until `deadline_ns`; ERESTARTSYS if a signal comes first.
Result<void> sleep_until(u64 deadline_ns);

}  // namespace sched
