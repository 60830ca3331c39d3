// Mutexes that are held when somebody wants them. See mutex.h.
//
// Whoever puts itself into the queue sets kWaiters before it looks at the holder; the releaser's
// one instruction fails once that bit is set. So either the waiter sees the mutex free, or the
// releaser comes to the queue, whose lock the waiter holds until it is asleep.

#include "sched/mutex.h"

#include "core/lock/lock_stat.h"
#include "core/log/panic.h"
#include "sched/lock/lock_sleep.h"

namespace sched {

/// True if the mutex is ours: it was free, or has been handed to us.
bool Mutex::take_beside_waiters() {
    const u64 me = word_of(current());
    u64 word = word_.load(std::memory_order_relaxed);
    for (;;) {
        if ((word & ~kFlags) == me) return true;
        if ((word & ~kFlags) != 0) return false;
        if (word_.compare_exchange_weak(word, me | (word & kWaiters), std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            return true;
        }
    }
}

/// One task at a time does so: the others would only keep processors busy.
bool Mutex::spin_while_holder_runs() {
    if (has_spinner_.exchange(1, std::memory_order_acquire) != 0) return false;
    bool taken = false;
    {
        PreemptGuard stay;
        for (;;) {
            const Task* const owner = holder();
            if (owner == nullptr) {
                taken = take_beside_waiters();
                if (taken) break;
            } else if (!is_worth_spinning(*owner)) {
                break;
            }
            arch::cpu_relax();
        }
    }
    has_spinner_.store(0, std::memory_order_release);
    return taken;
}

Result<void> Mutex::lock_slowly(u32 state) {
    if (is_held()) panic("mutex '%s' taken twice by %s", name_, current().comm);
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::Mutex);
    if (spin_while_holder_runs()) return {};
    LockWaiter me;
    IrqGuard guard(wait_lock_);
    return wait_in_queue(me, state);
}

Result<void> Mutex::wait_in_queue(LockWaiter& me, u32 state) {
    waiters_.push_back(me);
    word_.fetch_or(kWaiters, std::memory_order_seq_cst);
    bool taken;
    while (!(taken = take_beside_waiters())) {
        if (signal_ends_sleep(*me.task, state)) break;
        if (me.came_late && waiters_.front() == &me) {
            // Only now, and under the lock: a release between here and our sleep hands it over.
            word_.fetch_or(kHandOff, std::memory_order_relaxed);
            if (take_beside_waiters()) {
                taken = true;
                break;
            }
        }
        sleep_for_lock(wait_lock_, state);
        me.came_late = true;
    }
    leave_queue(me);
    if (!taken) return ERESTARTSYS;
    return {};
}

void Mutex::leave_queue(LockWaiter& me) {
    const bool was_first = waiters_.front() == &me;
    waiters_.remove(me);
    if (waiters_.empty()) {
        word_.fetch_and(~kFlags, std::memory_order_relaxed);
    } else if (was_first) {
        word_.fetch_and(~kHandOff, std::memory_order_relaxed);
    }
}

void Mutex::unlock_slowly() {
    if (!is_held()) {
        const Task* const owner = holder();
        panic("mutex '%s' released by %s, but held by %s", name_, current().comm,
              owner != nullptr ? owner->comm : "nobody");
    }
    IrqGuard guard(wait_lock_);
    LockWaiter* const first = waiters_.front();
    if (first == nullptr) {
        word_.store(0, std::memory_order_release);
        return;
    }
    if (word_.load(std::memory_order_relaxed) & kHandOff) {
        word_.store(word_of(*first->task) | kWaiters, std::memory_order_release);
    } else {
        word_.fetch_and(kFlags, std::memory_order_release);
    }
    wake_up_process(*first->task);
}

Result<void> Mutex::lock_unless_signal(u32 state) {
    assert_no_spin_locks();
    announce(lockval::Wait::Waits);
    const Result<void> taken = take_free() ? Result<void>() : lock_slowly(state);
    if (taken.ok()) {
        lockval::acquired(this);
    } else {
        lockval::gave_up(this);
    }
    return taken;
}

Result<void> Mutex::lock_interruptible() { return lock_unless_signal(kInterruptible); }
Result<void> Mutex::lock_killable() { return lock_unless_signal(kKillable); }

}  // namespace sched
