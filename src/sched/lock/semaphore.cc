#include "sched/lock/semaphore.h"

#include "core/lock/lock_stat.h"
#include "core/time/clock.h"
#include "sched/lock/lock_sleep.h"

namespace sched {

/// A place given back while somebody waits goes straight to the first of them, so it is not in
/// `places_` where another one could take it.
Result<void> Semaphore::down_in(u32 state, u64 deadline_ns) {
    assert_no_spin_locks();
    IrqGuard guard(lock_);
    if (places_ > 0) {
        places_--;
        return {};
    }
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::Semaphore);
    LockWaiter me;
    waiters_.push_back(me);
    bool expired = false;
    while (!me.is_granted) {
        const bool interrupted = signal_ends_sleep(*me.task, state);
        if (interrupted || expired) {
            waiters_.remove(me);
            return interrupted ? ERESTARTSYS : ETIMEDOUT;
        }
        expired = sleep_for_lock(lock_, state, deadline_ns);
    }
    return {};
}

void Semaphore::down() { (void)down_in(kUninterruptible, kForever).ok(); }
Result<void> Semaphore::down_interruptible() { return down_in(kInterruptible, kForever); }
Result<void> Semaphore::down_killable() { return down_in(kKillable, kForever); }
Result<void> Semaphore::down_timeout(u64 timeout_ns) {
    return down_in(kUninterruptible, time::now_ns() + timeout_ns);
}

bool Semaphore::down_trylock() {
    IrqGuard guard(lock_);
    if (places_ == 0) return false;
    places_--;
    return true;
}

void Semaphore::up() {
    IrqGuard guard(lock_);
    LockWaiter* const first = waiters_.pop_front();
    if (first == nullptr) {
        places_++;
        return;
    }
    first->is_granted = true;
    wake_up_process(*first->task);
}

}  // namespace sched
