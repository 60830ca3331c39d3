/// RwSemaphore: many readers or one writer; both may sleep while they hold it.
///
///     ReadGuard guard(sem);
///     WriteGuard guard(sem);
///
/// Fair: who waits keeps the order of arrival, so a waiting writer holds back readers that come
/// later, and readers that wait together get it together. Hence a task that reads may not read
/// again: with a writer in between it would wait for itself.
///
/// A free semaphore is taken and released by one atomic instruction; page faults rely on it. A
/// writer that finds another running on some processor looks on for a while before it sleeps, and
/// may be quicker than those asleep; but the first of them that came too late once is next.
///
/// Linux: kernel/locking/rwsem.c.
#pragma once

#include <atomic>

#include "core/lock/annotations.h"
#include "core/lock/spin_lock.h"
#include "lib/result.h"
#include "sched/lock/lock_waiter.h"

namespace sched {

class CAPABILITY("rwsem") RwSemaphore {
public:
    constexpr explicit RwSemaphore(const char* name) : name_(name) {}
    RwSemaphore(const RwSemaphore&) = delete;

    void down_read() LOCK_ATTRIBUTE(acquire_shared_capability());
    void up_read() LOCK_ATTRIBUTE(release_shared_capability());
    bool try_down_read();

    void down_write() ACQUIRE();
    void up_write() RELEASE();
    bool try_down_write();

    /// As down_read() and down_write(), but ERESTARTSYS, and not held, if a signal (one that kills)
    /// comes first.
    Result<void> down_read_interruptible();
    Result<void> down_read_killable();
    Result<void> down_write_interruptible();
    Result<void> down_write_killable();

    /// The writer becomes a reader; no other writer comes in between.
    void downgrade_write();

    /// Hints, but for the holder.
    bool is_locked() const { return word_.load(std::memory_order_relaxed) & ~kFlags; }
    bool is_held_for_writing() const {
        return writer_.load(std::memory_order_relaxed) == &current();
    }
    bool has_waiters() const { return word_.load(std::memory_order_relaxed) & kWaiters; }

private:
    static constexpr u32 kWriter = 1;
    static constexpr u32 kWaiters = 2;  // the queue is not empty: release the slow way
    static constexpr u32 kHandOff = 4;  // only for the first of the queue
    static constexpr u32 kFlags = kWaiters | kHandOff;
    static constexpr u32 kKeepsReadersOff = kWriter | kFlags;
    static constexpr u32 kReader = 1 << 8;      // one of them; they are counted above
    static constexpr u32 kNegative = 1u << 31;  // somebody released what he did not hold

    void announce(lockval::Mode mode, lockval::Wait wait) {
        lockval::acquire({.lock = this,
                          .name = name_,
                          .kind = lockval::Kind::RwSemaphore,
                          .mode = mode,
                          .wait = wait});
    }
    Result<void> taken_or_not(Result<void> taken);
    bool take_for_reading();
    bool take_for_writing(u32 from);
    bool spin_while_writer_runs();
    Result<void> down_read_in(u32 state);
    Result<void> down_write_in(u32 state);
    Result<void> down_read_slowly(u32 state);
    Result<void> down_write_slowly(u32 state);
    void up_read_slowly(u32 word);
    void grant_after_release();
    Result<void> wait_for_grant(LockWaiter& me, u32 state) REQUIRES(wait_lock_);
    bool grant() REQUIRES(wait_lock_);
    bool grant_writer(LockWaiter& first) REQUIRES(wait_lock_);
    bool grant_readers() REQUIRES(wait_lock_);
    void hand_over(LockWaiter& waiter) REQUIRES(wait_lock_);

    std::atomic<u32> word_{0};
    std::atomic<u32> has_spinner_{0};
    std::atomic<Task*> writer_{nullptr};  // who holds it for writing
    SpinLock wait_lock_{"rwsem", LockRank::Mutex};
    LockWaiters waiters_ GUARDED_BY(wait_lock_);
    const char* name_;
};

class SCOPED_CAPABILITY ReadGuard {
public:
    explicit ReadGuard(RwSemaphore& sem) LOCK_ATTRIBUTE(acquire_shared_capability(sem))
        : sem_(sem) {
        sem_.down_read();
    }
    ~ReadGuard() LOCK_ATTRIBUTE(release_generic_capability()) { sem_.up_read(); }
    ReadGuard(const ReadGuard&) = delete;

private:
    RwSemaphore& sem_;
};

class SCOPED_CAPABILITY WriteGuard {
public:
    explicit WriteGuard(RwSemaphore& sem) ACQUIRE(sem) : sem_(sem) { sem_.down_write(); }
    ~WriteGuard() RELEASE() { sem_.up_write(); }
    WriteGuard(const WriteGuard&) = delete;

private:
    RwSemaphore& sem_;
};

inline void RwSemaphore::down_read() NO_LOCK_ANALYSIS {
    assert_no_spin_locks();
    announce(lockval::Mode::Shared, lockval::Wait::Waits);
    if (word_.fetch_add(kReader, std::memory_order_acquire) & kKeepsReadersOff) [[unlikely]] {
        (void)down_read_slowly(kUninterruptible).ok();
    }
    lockval::acquired(this);
}

inline void RwSemaphore::up_read() NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    const u32 word = word_.fetch_sub(kReader, std::memory_order_release) - kReader;
    if (word & (kWaiters | kNegative)) [[unlikely]] {
        up_read_slowly(word);
    }
}

}  // namespace sched
