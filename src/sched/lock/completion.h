/// Completion: "it is done", said once by one task and waited for by another.
///
///     Completion done;                 // shared by both
///     done.wait();                     // one: sleeps until …
///     done.complete();                 // … the other says so, before or after
///
/// Each complete() lets one waiter pass; complete_all() lets all pass, from now on. The waiter may
/// free the Completion as soon as wait() has returned: complete() does not touch it any more then.
/// Linux: kernel/sched/completion.c.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/result.h"
#include "sched/wait_queue.h"

namespace sched {

class Completion {
public:
    constexpr Completion() = default;
    Completion(const Completion&) = delete;

    /// Sleeps until complete(), whatever signals come.
    void wait();
    /// As wait(), but ERESTARTSYS if a signal (one that kills) comes first.
    Result<void> wait_interruptible();
    Result<void> wait_killable();
    /// As wait(), at most `timeout_ns`: what is left of them, at least 1; 0 if time is up.
    u64 wait_timeout(u64 timeout_ns);
    Result<u64> wait_interruptible_timeout(u64 timeout_ns);

    /// Passes if wait() would not sleep. Any context, like all below.
    bool try_wait();
    bool is_done() const { return done_.load(std::memory_order_acquire) != 0; }

    void complete();
    void complete_all();
    /// For a new round; nobody may be waiting.
    void reinit();

private:
    static constexpr u32 kAll = ~0u;

    Result<void> wait_in(u32 state, u64 deadline_ns);

    SpinLock lock_{"completion", LockRank::Futex};
    std::atomic<u32> done_{0};  // waiters that may pass; changed under lock_
    WaitQueue queue_;
};

}  // namespace sched
