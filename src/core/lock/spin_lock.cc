// Spin locks, and the check of their order.
//
// Each processor keeps the locks it holds on a small stack. A lock is taken only if its rank is
// below (numerically above) that of the last one; so the stack is sorted, and comparing with its
// top is enough.

#include "core/lock/spin_lock.h"

#include "arch/cpu.h"
#include "lib/assert.h"

namespace {

constexpr unsigned kMaxHeld = 12;

struct HeldLocks {
    SpinLock* lock[kMaxHeld];
    u32 count;
};
PER_CPU HeldLocks held_locks{};

void push(HeldLocks& held, SpinLock& lock) {
    if (held.count == kMaxHeld) [[unlikely]] {
        lock_misused("one lock too many", lock, nullptr);
    }
    held.lock[held.count++] = &lock;
}

}  // namespace

// Why apart from acquire(): the free lock is the case that counts, and is shorter without a loop.
void SpinLock::lock() {
    preempt_disable();
    HeldLocks& held = this_cpu(held_locks);
    if (held.count > 0) {
        const SpinLock& last = *held.lock[held.count - 1];
        if (last.rank_ >= rank_) [[unlikely]] {
            lock_misused("taken out of order", *this, &last);
        }
    }
    u32 expected = 0;
    if (holder_.compare_exchange_strong(expected, cpu_id() + 1, std::memory_order_acquire))
        [[likely]] {
        push(held, *this);
    } else {
        acquire();
    }
}

void SpinLock::lock_nested() {
    preempt_disable();
    const HeldLocks& held = this_cpu(held_locks);
    if (held.count > 0) {
        const SpinLock& last = *held.lock[held.count - 1];
        if (last.rank_ > rank_) [[unlikely]] {
            lock_misused("taken out of order", *this, &last);
        }
    }
    acquire();
}

/// Waits for the lock and notes that it is held.
[[gnu::noinline]] void SpinLock::acquire() {
    const u32 me = cpu_id() + 1;
    u32 expected = 0;
    while (!holder_.compare_exchange_weak(expected, me, std::memory_order_acquire)) {
        if (expected == me) lock_misused("taken twice", *this, nullptr);
        while (holder_.load(std::memory_order_relaxed) != 0) arch::cpu_relax();
        expected = 0;
    }
    push(this_cpu(held_locks), *this);
}

bool SpinLock::try_lock() {
    preempt_disable();
    u32 expected = 0;
    if (!holder_.compare_exchange_strong(expected, cpu_id() + 1, std::memory_order_acquire)) {
        preempt_enable_no_resched();
        return false;
    }
    push(this_cpu(held_locks), *this);
    return true;
}

void SpinLock::unlock() {
    if (!is_held()) lock_misused("released, but not held", *this, nullptr);
    HeldLocks& held = this_cpu(held_locks);
    // Nearly always the last one; hand-over-hand locking releases another.
    u32 at = held.count - 1;
    while (held.lock[at] != this) at--;
    for (; at + 1 < held.count; at++) held.lock[at] = held.lock[at + 1];
    held.count--;
    holder_.store(0, std::memory_order_release);
    preempt_enable_no_resched();
}

bool SpinLock::is_held() const { return holder_.load(std::memory_order_relaxed) == cpu_id() + 1; }

/// One instruction reads the count: between finding this processor's and looking at it, the task
/// could move to another one, and see what is held there.
void assert_no_spin_locks(Here here) {
    const u32 count = arch::this_cpu_read(held_locks.count);
    if (count > 0) assert_failed("sleeping with a spin lock held", here);
}
