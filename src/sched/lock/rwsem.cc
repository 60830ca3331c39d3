// Reader-writer semaphores: writers, and everybody who has to wait. See rwsem.h.
//
// Who queues does not take the semaphore when it wakes up: whoever makes it free grants it to the
// first of the queue, under wait_lock_, and takes those it granted it to off the queue.
//
// Readers add themselves first and look afterwards. One that must wait takes itself out again
// (down_read_slowly); for that moment a writer may be kept off, so it looks after the queue, too.

#include "sched/lock/rwsem.h"

#include "core/lock/lock_stat.h"
#include "core/log/panic.h"
#include "sched/lock/lock_sleep.h"

namespace sched {

bool RwSemaphore::take_for_writing(u32 from) {
    if (!word_.compare_exchange_strong(from, (from & kWaiters) | kWriter, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return false;
    }
    writer_.store(&current(), std::memory_order_relaxed);
    return true;
}

bool RwSemaphore::take_for_reading() {
    u32 word = word_.load(std::memory_order_relaxed);
    while (!(word & kKeepsReadersOff)) {
        if (word_.compare_exchange_weak(word, word + kReader, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

bool RwSemaphore::try_down_read() {
    if (!take_for_reading()) return false;
    announce(lockval::Mode::Shared, lockval::Wait::Tries);
    return true;
}

bool RwSemaphore::try_down_write() {
    if (!take_for_writing(0)) return false;
    announce(lockval::Mode::Exclusive, lockval::Wait::Tries);
    return true;
}

/// For the validator.
Result<void> RwSemaphore::taken_or_not(Result<void> taken) {
    if (taken.ok()) {
        lockval::acquired(this);
    } else {
        lockval::gave_up(this);
    }
    return taken;
}

/// Only while a writer holds it: how long readers take, nobody can tell.
bool RwSemaphore::spin_while_writer_runs() {
    if (has_spinner_.exchange(1, std::memory_order_acquire) != 0) return false;
    bool taken = false;
    {
        PreemptGuard stay;
        for (;;) {
            const u32 word = word_.load(std::memory_order_relaxed);
            if ((word & ~kWaiters) == 0) {
                taken = take_for_writing(word);
                if (taken) break;
            } else {
                const Task* const writer = writer_.load(std::memory_order_relaxed);
                if (writer == nullptr || !is_worth_spinning(*writer)) break;
            }
            arch::cpu_relax();
        }
    }
    has_spinner_.store(0, std::memory_order_release);
    return taken;
}

/// `waiter` has got it: off the queue, and awake. It cannot leave before wait_lock_ is released.
void RwSemaphore::hand_over(LockWaiter& waiter) {
    waiters_.remove(waiter);
    waiter.is_granted = true;
    wake_up_process(*waiter.task);
}

bool RwSemaphore::grant_writer(LockWaiter& first) {
    const u32 others_wait = waiters_.next(first) != nullptr ? kWaiters : 0;
    u32 word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & ~kFlags) != 0) return false;
    } while (!word_.compare_exchange_weak(word, kWriter | others_wait, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    writer_.store(first.task, std::memory_order_relaxed);
    hand_over(first);
    return true;
}

/// To all readers before the first writer.
bool RwSemaphore::grant_readers() {
    u32 readers = 0;
    LockWaiter* end = waiters_.front();
    for (; end != nullptr && !end->wants_all; end = waiters_.next(*end)) readers++;
    u32 word = word_.load(std::memory_order_relaxed);
    u32 after;
    do {
        if (word & kWriter) return false;
        after = (word & ~kFlags) + readers * kReader + (end != nullptr ? kWaiters : 0);
    } while (!word_.compare_exchange_weak(word, after, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    while (waiters_.front() != end) hand_over(*waiters_.front());
    return true;
}

/// Gives the semaphore to the first of the queue if it is free for that. True if there is nobody
/// left who could have got it.
bool RwSemaphore::grant() {
    LockWaiter* const first = waiters_.front();
    if (first != nullptr) return first->wants_all ? grant_writer(*first) : grant_readers();
    word_.fetch_and(~kFlags, std::memory_order_relaxed);
    return true;
}

/// After a release.
[[gnu::noinline]] void RwSemaphore::grant_after_release() {
    IrqGuard guard(wait_lock_);
    if (grant()) return;
    // Somebody was quicker than the first of the queue. Once is enough.
    LockWaiter& first = *waiters_.front();
    if (first.came_late) word_.fetch_or(kHandOff, std::memory_order_relaxed);
    first.came_late = true;
}

Result<void> RwSemaphore::wait_for_grant(LockWaiter& me, u32 state) {
    grant();  // it may have become free before anybody could see that we wait
    while (!me.is_granted) {
        if (signal_ends_sleep(*me.task, state)) {
            const bool was_first = waiters_.front() == &me;
            waiters_.remove(me);
            if (was_first) word_.fetch_and(~kHandOff, std::memory_order_relaxed);
            grant();  // those behind a writer may be readers
            return ERESTARTSYS;
        }
        sleep_for_lock(wait_lock_, state);
    }
    return {};
}

/// Our reader is counted already.
[[gnu::noinline]] Result<void> RwSemaphore::down_read_slowly(u32 state) {
    if (is_held_for_writing()) panic("rwsem '%s' taken twice by %s", name_, current().comm);
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::RwSemaphore);
    LockWaiter me;
    IrqGuard guard(wait_lock_);
    if (!(word_.load(std::memory_order_acquire) & kKeepsReadersOff)) return {};
    waiters_.push_back(me);
    word_.fetch_or(kWaiters, std::memory_order_seq_cst);
    word_.fetch_sub(kReader, std::memory_order_seq_cst);
    return wait_for_grant(me, state);
}

[[gnu::noinline]] void RwSemaphore::up_read_slowly(u32 word) {
    if (word & kNegative) panic("rwsem '%s' released, but not held", name_);
    if (word < kReader) grant_after_release();  // the last one
}

void RwSemaphore::down_write() NO_LOCK_ANALYSIS {
    assert_no_spin_locks();
    announce(lockval::Mode::Exclusive, lockval::Wait::Waits);
    if (!take_for_writing(0)) (void)down_write_slowly(kUninterruptible).ok();
    lockval::acquired(this);
}

[[gnu::noinline]] Result<void> RwSemaphore::down_write_slowly(u32 state) {
    if (is_held_for_writing()) panic("rwsem '%s' taken twice by %s", name_, current().comm);
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::RwSemaphore);
    if (spin_while_writer_runs()) return {};
    LockWaiter me;
    me.wants_all = true;
    IrqGuard guard(wait_lock_);
    waiters_.push_back(me);
    word_.fetch_or(kWaiters, std::memory_order_seq_cst);
    return wait_for_grant(me, state);
}

void RwSemaphore::up_write() NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    if (!is_held_for_writing()) {
        panic("rwsem '%s' released by %s, who does not hold it", name_, current().comm);
    }
    writer_.store(nullptr, std::memory_order_relaxed);
    if (word_.fetch_sub(kWriter, std::memory_order_release) & kWaiters) grant_after_release();
}

void RwSemaphore::downgrade_write() {
    ASSERT(is_held_for_writing());
    writer_.store(nullptr, std::memory_order_relaxed);
    const u32 word = word_.fetch_add(kReader - kWriter, std::memory_order_acq_rel);
    if (!(word & kWaiters)) return;
    IrqGuard guard(wait_lock_);
    LockWaiter* const first = waiters_.front();
    if (first != nullptr && !first->wants_all) grant_readers();
}

Result<void> RwSemaphore::down_read_in(u32 state) {
    assert_no_spin_locks();
    announce(lockval::Mode::Shared, lockval::Wait::Waits);
    if (take_for_reading()) return taken_or_not({});
    word_.fetch_add(kReader, std::memory_order_acquire);
    return taken_or_not(down_read_slowly(state));
}

Result<void> RwSemaphore::down_write_in(u32 state) {
    assert_no_spin_locks();
    announce(lockval::Mode::Exclusive, lockval::Wait::Waits);
    return taken_or_not(take_for_writing(0) ? Result<void>() : down_write_slowly(state));
}

Result<void> RwSemaphore::down_read_interruptible() { return down_read_in(kInterruptible); }
Result<void> RwSemaphore::down_read_killable() { return down_read_in(kKillable); }
Result<void> RwSemaphore::down_write_interruptible() { return down_write_in(kInterruptible); }
Result<void> RwSemaphore::down_write_killable() { return down_write_in(kKillable); }

}  // namespace sched
