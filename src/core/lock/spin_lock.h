/// Mutual exclusion between processors for a short time, and with interrupts on this one.
///
/// A SpinLock is held through a guard only:
///
///     IrqGuard guard(lock);      // until the end of the block; interrupts are off meanwhile
///
/// Code that holds one may not sleep. Misuse panics where it happens: taking a lock out of
/// order (core/lock/rank.h) or twice, releasing one that is not held, sleeping with one.
#pragma once

#include <atomic>

#include "core/lock/annotations.h"
#include "core/lock/rank.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "lib/assert.h"

class CAPABILITY("spin lock") SpinLock {
public:
    constexpr SpinLock(const char* name, LockRank rank) : name_(name), rank_(rank) {}
    SpinLock(const SpinLock&) = delete;

    /// For guards and for the few places that hand a lock from one context to another (the
    /// scheduler). Interrupts are off.
    void lock() ACQUIRE();
    void unlock() RELEASE();
    bool try_lock() TRY_ACQUIRE(true);

    /// As lock(), while another lock of the same rank is held. The caller has an order of its own
    /// among them, and says which in a guard of its own.
    void lock_nested() ACQUIRE();

    bool is_held() const;  // by this processor
    const char* name() const { return name_; }
    LockRank rank() const { return rank_; }

private:
    void acquire() ACQUIRE();

    std::atomic<u32> holder_{0};  // 0: free; else number of the processor + 1
    const char* name_;
    LockRank rank_;
};

/// Holds a spin lock, with interrupts off, until the end of the block. Leaving it may reschedule.
class SCOPED_CAPABILITY IrqGuard {
public:
    explicit IrqGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock), irqs_were_on_(arch::irq_save()) {
        lock_.lock();
    }
    ~IrqGuard() RELEASE() {
        lock_.unlock();
        arch::irq_restore(irqs_were_on_);
        if (irqs_were_on_ && arch::this_cpu_read(preempt_count) == 0) [[unlikely]] {
            upcall::preempt_schedule();
        }
    }
    IrqGuard(const IrqGuard&) = delete;

private:
    SpinLock& lock_;
    const bool irqs_were_on_;
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

/// Panics unless this processor holds no spin lock. Called by whoever is about to sleep.
void assert_no_spin_locks(Here here = Here::current());
