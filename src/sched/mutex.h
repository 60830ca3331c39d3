/// Mutex: mutual exclusion for code that may sleep while it holds it.
///
///     MutexGuard guard(mutex);
///
/// Not for interrupt context. Not recursive: taking it twice panics, and so does releasing it from
/// another task. One atomic instruction takes a free mutex; one releases it when nobody waits.
///
/// Who finds it held looks on as long as the holder runs on another processor, since it will soon
/// let go; otherwise it sleeps, in the order of arrival. A mutex just released may be taken by
/// whoever comes first, sleepers' turn or not: that keeps processors busy. But the first sleeper
/// that came too late once is given it at the next release (hand-off), so nobody starves.
///
/// Linux: kernel/locking/mutex.c.
#pragma once

#include <atomic>

#include "core/lock/annotations.h"
#include "core/lock/spin_lock.h"
#include "lib/result.h"
#include "sched/lock/lock_waiter.h"
#include "sched/wait_queue.h"

namespace sched {

class CAPABILITY("mutex") Mutex {
public:
    constexpr explicit Mutex(const char* name) : name_(name) {}
    Mutex(const Mutex&) = delete;

    void lock() ACQUIRE();
    /// As lock(), while the `subclass` outer ones of its class are held: one directory after
    /// another. The caller has an order of its own among them.
    void lock_nested(u8 subclass) ACQUIRE();
    void unlock() RELEASE();
    bool try_lock() TRY_ACQUIRE(true);

    /// As lock(), but ERESTARTSYS, and not locked, if a signal (one that kills) comes first.
    Result<void> lock_interruptible();
    Result<void> lock_killable();

    /// Whether the running task holds it; whether anybody does.
    bool is_held() const { return holder() == &current(); }
    bool is_locked() const { return holder() != nullptr; }
    const char* name() const { return name_; }

private:
    // In the low bits of the word, below the holder's address.
    static constexpr u64 kWaiters = 1;  // the queue is not empty: release the slow way
    static constexpr u64 kHandOff = 2;  // give it to the first of the queue
    static constexpr u64 kFlags = kWaiters | kHandOff;

    static u64 word_of(const Task& task) { return reinterpret_cast<u64>(&task); }
    Task* holder() const {
        return reinterpret_cast<Task*>(word_.load(std::memory_order_relaxed) & ~kFlags);
    }
    bool take_free() {
        u64 free = 0;
        return word_.compare_exchange_strong(free, word_of(current()), std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    bool take_beside_waiters();
    bool spin_while_holder_runs();
    Result<void> lock_slowly(u32 state);
    Result<void> lock_unless_signal(u32 state);
    void announce(lockval::Wait wait, u8 subclass = 0) {
        lockval::acquire({.lock = this,
                          .name = name_,
                          .kind = lockval::Kind::Mutex,
                          .wait = wait,
                          .subclass = subclass});
    }
    Result<void> wait_in_queue(LockWaiter& me, u32 state) REQUIRES(wait_lock_);
    void leave_queue(LockWaiter& me) REQUIRES(wait_lock_);
    void unlock_slowly();

    std::atomic<u64> word_{0};         // the holder's address, and flags
    std::atomic<u32> has_spinner_{0};  // one task looks on while the holder runs; others sleep
    SpinLock wait_lock_{"mutex", LockRank::Mutex};
    LockWaiters waiters_ GUARDED_BY(wait_lock_);
    const char* name_;
};

class SCOPED_CAPABILITY MutexGuard {
public:
    explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    /// See Mutex::lock_nested().
    MutexGuard(Mutex& mutex, u8 subclass) ACQUIRE(mutex) : mutex_(mutex) {
        mutex_.lock_nested(subclass);
    }
    ~MutexGuard() RELEASE() { mutex_.unlock(); }
    MutexGuard(const MutexGuard&) = delete;

private:
    Mutex& mutex_;
};

inline void Mutex::lock_nested(u8 subclass) NO_LOCK_ANALYSIS {
    assert_no_spin_locks();
    announce(lockval::Wait::Waits, subclass);
    if (!take_free()) [[unlikely]] {
        (void)lock_slowly(kUninterruptible).ok();
    }
    lockval::acquired(this);
}

inline void Mutex::lock() NO_LOCK_ANALYSIS { lock_nested(0); }

inline bool Mutex::try_lock() NO_LOCK_ANALYSIS {
    if (!take_free()) return false;
    announce(lockval::Wait::Tries);
    return true;
}

inline void Mutex::unlock() NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    u64 mine = word_of(current());
    if (!word_.compare_exchange_strong(mine, 0, std::memory_order_release,
                                       std::memory_order_relaxed)) [[unlikely]] {
        unlock_slowly();
    }
}

}  // namespace sched
