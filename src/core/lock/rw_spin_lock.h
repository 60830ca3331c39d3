/// RwSpinLock: many readers or one writer, all of them spinning.
///
///     SpinReadGuard guard(lock);     SpinWriteGuard guard(lock);     // preemption off
///     IrqReadGuard guard(lock);      IrqWriteGuard guard(lock);      // interrupts off
///
/// Fair: whoever cannot get it at once queues as for a SpinLock, and a waiting writer holds back
/// readers that come later. Except in an interrupt or softirq: a reader there passes waiting
/// writers, since the task it interrupted may be the very reader that they wait for. So where
/// handlers only read, tasks read with interrupts on (SpinReadGuard) and write with them off
/// (IrqWriteGuard).
///
/// Each has a rank as spin locks have, and reading twice is out of order like taking twice. What is
/// read much and changed seldom is better served by RCU: a reader here writes to the shared word.
/// Linux: kernel/locking/qrwlock.c.
#pragma once

#include "core/lock/spin_lock.h"

class CAPABILITY("rw spin lock") RwSpinLock {
public:
    constexpr RwSpinLock(const char* name, LockRank rank)
        : rank_bit_(u64{1} << static_cast<unsigned>(rank)), name_(name) {}
    RwSpinLock(const RwSpinLock&) = delete;

    /// For guards; preemption or interrupts are off. What read_lock() yields is for read_unlock():
    /// whether the rank was counted, which it is not when the interrupted task reads already.
    [[nodiscard]] bool read_lock() LOCK_ATTRIBUTE(acquire_shared_capability());
    void read_unlock(bool counted) LOCK_ATTRIBUTE(release_shared_capability());
    void write_lock() ACQUIRE();
    void write_unlock() RELEASE();
    bool try_write_lock() TRY_ACQUIRE(true);

    /// Whether this processor writes; whether anybody reads or writes (a hint).
    bool is_held_for_writing() const { return writer() == cpu_tag(); }
    bool is_locked() const { return (word_.load(std::memory_order_relaxed) & ~kWaiting) != 0; }
    const char* name() const { return name_; }
    LockRank rank() const { return static_cast<LockRank>(std::countr_zero(rank_bit_)); }

private:
    static constexpr u32 kWriter = 0xff;     // the tag of the processor that writes
    static constexpr u32 kWaiting = 1 << 8;  // the first of the queue wants to write
    static constexpr u32 kReader = 1 << 9;   // one of them; they are counted above

    u32 writer() const { return word_.load(std::memory_order_relaxed) & kWriter; }
    bool take_for_writing(u32 from) {
        return word_.compare_exchange_strong(from, cpu_tag(), std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    void announce(lockval::Mode mode, lockval::Wait wait);
    void read_lock_slowly();
    void write_lock_slowly();

    std::atomic<u32> word_{0};
    QueuedWord queue_;
    const u64 rank_bit_;
    const char* const name_;
};

class SCOPED_CAPABILITY SpinReadGuard {
public:
    explicit SpinReadGuard(RwSpinLock& lock) LOCK_ATTRIBUTE(acquire_shared_capability(lock))
        : lock_(lock) {
        preempt_disable();
        counted_ = lock_.read_lock();
    }
    ~SpinReadGuard() LOCK_ATTRIBUTE(release_generic_capability()) {
        lock_.read_unlock(counted_);
        preempt_enable();
    }
    SpinReadGuard(const SpinReadGuard&) = delete;

private:
    RwSpinLock& lock_;
    bool counted_;
};

class SCOPED_CAPABILITY SpinWriteGuard {
public:
    explicit SpinWriteGuard(RwSpinLock& lock) ACQUIRE(lock) : lock_(lock) {
        preempt_disable();
        lock_.write_lock();
    }
    ~SpinWriteGuard() RELEASE() {
        lock_.write_unlock();
        preempt_enable();
    }
    SpinWriteGuard(const SpinWriteGuard&) = delete;

private:
    RwSpinLock& lock_;
};

class SCOPED_CAPABILITY IrqReadGuard {
public:
    explicit IrqReadGuard(RwSpinLock& lock) LOCK_ATTRIBUTE(acquire_shared_capability(lock))
        : lock_(lock), irqs_were_on_(arch::irq_save()), counted_(lock_.read_lock()) {}
    ~IrqReadGuard() LOCK_ATTRIBUTE(release_generic_capability()) {
        lock_.read_unlock(counted_);
        restore_irqs_and_preempt(irqs_were_on_);
    }
    IrqReadGuard(const IrqReadGuard&) = delete;

private:
    RwSpinLock& lock_;
    const bool irqs_were_on_;
    const bool counted_;
};

class SCOPED_CAPABILITY IrqWriteGuard {
public:
    explicit IrqWriteGuard(RwSpinLock& lock) ACQUIRE(lock)
        : lock_(lock), irqs_were_on_(arch::irq_save()) {
        lock_.write_lock();
    }
    ~IrqWriteGuard() RELEASE() {
        lock_.write_unlock();
        restore_irqs_and_preempt(irqs_were_on_);
    }
    IrqWriteGuard(const IrqWriteGuard&) = delete;

private:
    RwSpinLock& lock_;
    const bool irqs_were_on_;
};
