/// Semaphore: admits so many at a time. down() takes one of the places, up() gives one back; who
/// gives need not be who took, and may be an interrupt handler.
///
/// Nobody owns a place, so the validator cannot tell who forgot to give one back: where one task
/// both takes and gives, a Mutex is the right lock. Those who wait get a place in the order of
/// arrival. Linux: kernel/locking/semaphore.c.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/result.h"
#include "sched/lock/lock_waiter.h"
#include "sched/wait_queue.h"

namespace sched {

class Semaphore {
public:
    constexpr Semaphore(const char* name, u32 places) : places_(places), name_(name) {}
    Semaphore(const Semaphore&) = delete;

    /// Takes a place; sleeps until there is one.
    void down();
    /// As down(), but ERESTARTSYS, and no place, if a signal (one that kills) comes first.
    Result<void> down_interruptible();
    Result<void> down_killable();
    /// As down(), but ETIMEDOUT, and no place, after `timeout_ns`. No signal ends it.
    Result<void> down_timeout(u64 timeout_ns);

    /// Takes a place if there is one. Does not sleep. Any context, as up().
    bool down_trylock();

    /// Gives a place back, or adds one.
    void up();

    /// Free places: a hint.
    u32 count() const { return places_; }

private:
    Result<void> down_in(u32 state, u64 deadline_ns);

    SpinLock lock_{"semaphore", LockRank::Mutex};
    u32 places_;  // changed under lock_
    LockWaiters waiters_ GUARDED_BY(lock_);
    const char* name_;
};

}  // namespace sched
