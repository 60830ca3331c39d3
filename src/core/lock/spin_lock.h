/// Mutual exclusion between processors for a short time.
///
/// A SpinLock is held through a guard, to the end of the block:
///
///     IrqGuard guard(lock);      // interrupts off: for what interrupt handlers also touch, and
///                                // the one to take when in doubt
///     SpinGuard guard(lock);     // preemption off only: no interrupt and no softirq takes it
///     BhSpinGuard guard(lock);   // softirqs off: core/softirq/bh_spin_guard.h
///
/// Processors get a lock in the order in which they ask for it (core/lock/queued_word.h). Code that
/// holds one may not sleep. Misuse panics where it happens, in every build: taking a lock out of
/// order (core/lock/rank.h) or twice, releasing one that is not held, sleeping with one. A debug
/// build sees more (core/lock/validator). Linux: include/linux/spinlock.h.
#pragma once

#include <bit>

#include "core/lock/annotations.h"
#include "core/lock/queued_word.h"
#include "core/lock/rank.h"
#include "core/lock/validator.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "lib/assert.h"

/// Bit n: this processor holds a lock of rank n. A lock may be taken if no bit at or above its own
/// is set: the ranks rise towards the inside, so one comparison of numbers tells.
extern u64 held_ranks;  // per-CPU

class CAPABILITY("spin lock") SpinLock {
public:
    constexpr SpinLock(const char* name, LockRank rank)
        : rank_bit_(u64{1} << static_cast<unsigned>(rank)), name_(name) {}
    SpinLock(const SpinLock&) = delete;

    /// For guards and for the few places that hand a lock from one context to another (the
    /// scheduler). Interrupts are off, or preemption is: taking a lock changes neither.
    void lock() ACQUIRE();
    void unlock() RELEASE();

    /// As lock(), but false if the lock is not free or others wait for it. Never waits, so any
    /// order will do; what is taken while it is held must stand below it nevertheless.
    bool try_lock() TRY_ACQUIRE(true);

    /// As lock(), while another lock of the same rank is held. The caller has an order of its own
    /// among them, and says which in a guard of its own. The inner one is released first.
    void lock_nested() ACQUIRE();

    /// Whether this processor holds it.
    bool is_held() const { return (word_.holder() & ~QueuedWord::kNested) == cpu_tag(); }
    /// Whether anybody holds it; a hint, as soon as it is told.
    bool is_locked() const { return word_.holder() != 0; }
    /// Whether others wait for it: a hint for those who hold a lock long.
    bool is_contended() const { return word_.has_waiters(); }
    /// The processor that holds it, or -1.
    int holder() const { return int(word_.holder() & ~QueuedWord::kNested) - 1; }

    const char* name() const { return name_; }
    LockRank rank() const { return static_cast<LockRank>(std::countr_zero(rank_bit_)); }
    /// The state of the queue; for tests.
    const QueuedWord& word() const { return word_; }

private:
    void lock_out_of_order();
    void lock_contended();
    void unlock_nested() RELEASE();

    QueuedWord word_;
    const u64 rank_bit_;
    const char* const name_;
};

/// Undoes arch::irq_save() at the end of a section that may have woken somebody up: reschedules.
[[gnu::always_inline]] inline void restore_irqs_and_preempt(bool irqs_were_on) {
    if (!irqs_were_on) return;
    arch::irq_enable();
    if (arch::this_cpu_is_zero(preempt_count)) [[unlikely]] {
        upcall::preempt_schedule();
    }
}

/// Holds a spin lock, with interrupts off, until the end of the block. Leaving it may reschedule.
class SCOPED_CAPABILITY IrqGuard {
public:
    explicit IrqGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock), irqs_were_on_(arch::irq_save()) {
        lock_.lock();
    }
    ~IrqGuard() RELEASE() {
        lock_.unlock();
        restore_irqs_and_preempt(irqs_were_on_);
    }
    IrqGuard(const IrqGuard&) = delete;

private:
    SpinLock& lock_;
    const bool irqs_were_on_;
};

/// Holds a spin lock, with preemption off, until the end of the block. Only for locks that are
/// never taken in an interrupt or a softirq.
class SCOPED_CAPABILITY SpinGuard {
public:
    explicit SpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) {
        preempt_disable();
        lock_.lock();
    }
    ~SpinGuard() RELEASE() {
        lock_.unlock();
        preempt_enable();
    }
    SpinGuard(const SpinGuard&) = delete;

private:
    SpinLock& lock_;
};

/// An IrqGuard that does not wait: ask whether it holds the lock.
///
///     TryIrqGuard guard(lock);
///     if (!guard.holds()) return EAGAIN;
class TryIrqGuard {
public:
    explicit TryIrqGuard(SpinLock& lock) NO_LOCK_ANALYSIS : lock_(lock),
                                                            irqs_were_on_(arch::irq_save()),
                                                            holds_(lock.try_lock()) {
        if (!holds_) arch::irq_restore(irqs_were_on_);
    }
    ~TryIrqGuard() NO_LOCK_ANALYSIS {
        if (!holds_) return;
        lock_.unlock();
        restore_irqs_and_preempt(irqs_were_on_);
    }
    TryIrqGuard(const TryIrqGuard&) = delete;

    bool holds() const { return holds_; }

private:
    SpinLock& lock_;
    const bool irqs_were_on_;
    const bool holds_;
};

/// A SpinGuard that does not wait.
class TrySpinGuard {
public:
    explicit TrySpinGuard(SpinLock& lock) NO_LOCK_ANALYSIS : lock_(lock) {
        preempt_disable();
        holds_ = lock.try_lock();
        if (!holds_) preempt_enable();
    }
    ~TrySpinGuard() NO_LOCK_ANALYSIS {
        if (!holds_) return;
        lock_.unlock();
        preempt_enable();
    }
    TrySpinGuard(const TrySpinGuard&) = delete;

    bool holds() const { return holds_; }

private:
    SpinLock& lock_;
    bool holds_;
};

/// Interrupts off until the end of the block, without a lock: for per-CPU data.
class IrqOffGuard {
public:
    IrqOffGuard() : irqs_were_on_(arch::irq_save()) {}
    ~IrqOffGuard() { arch::irq_restore(irqs_were_on_); }
    IrqOffGuard(const IrqOffGuard&) = delete;

private:
    const bool irqs_were_on_;
};

/// Reports a misuse and panics; `held`: the lock in whose presence it happened, or null.
/// core/log/panic.cc
[[noreturn]] void lock_misused(const char* what, const SpinLock& lock, const SpinLock* held);
/// The same for locks of other kinds that have a rank.
[[noreturn]] void lock_misused(const char* what, const char* name, LockRank rank);

/// Panics unless this processor holds no spin lock. Called by whoever is about to sleep.
[[gnu::always_inline]] inline void assert_no_spin_locks(Here here = Here::current()) {
    lockval::might_sleep(here.function);
    if (arch::this_cpu_read(held_ranks) != 0) [[unlikely]] {
        assert_failed("sleeping with a spin lock held", here);
    }
}

// --- what happens nearly always, inline --------------------------------------------------------

[[gnu::always_inline]] inline void SpinLock::lock() NO_LOCK_ANALYSIS {
    lockval::acquire({.lock = this, .name = name_, .kind = lockval::Kind::Spin});
    const u64 bit = rank_bit_;
    if (arch::this_cpu_read(held_ranks) >= bit) [[unlikely]] {
        lock_out_of_order();
    }
    if (!word_.try_take(cpu_tag())) [[unlikely]] {
        lock_contended();
    }
    arch::this_cpu_add(held_ranks, bit);
    lockval::acquired(this);
}

[[gnu::always_inline]] inline void SpinLock::unlock() NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    if (word_.holder() != cpu_tag()) [[unlikely]] {
        unlock_nested();
        return;
    }
    arch::this_cpu_sub(held_ranks, rank_bit_);
    word_.release();
}
