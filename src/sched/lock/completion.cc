#include "sched/lock/completion.h"

#include "core/time/clock.h"
#include "sched/sched.h"

namespace sched {

namespace {

/// Until `deadline`, at least 1: somebody passed, however late it is.
u64 left_until(u64 deadline) {
    const u64 now = time::now_ns();
    return now < deadline ? deadline - now : 1;
}

}  // namespace

Result<void> Completion::wait_in(u32 state, u64 deadline_ns) {
    assert_no_spin_locks();
    IrqGuard guard(lock_);
    while (done_.load(std::memory_order_relaxed) == 0) {
        const Result<void> slept =
            queue_.sleep_in(lock_, state, WaitQueue::Wakes::OneOfMany, deadline_ns);
        if (!slept.ok() && done_.load(std::memory_order_relaxed) == 0) return slept.error();
    }
    const u32 done = done_.load(std::memory_order_relaxed);
    if (done != kAll) done_.store(done - 1, std::memory_order_relaxed);
    return {};
}

void Completion::wait() { (void)wait_in(kUninterruptible, kForever).ok(); }
Result<void> Completion::wait_interruptible() { return wait_in(kInterruptible, kForever); }
Result<void> Completion::wait_killable() { return wait_in(kKillable, kForever); }

u64 Completion::wait_timeout(u64 timeout_ns) {
    const u64 deadline = time::now_ns() + timeout_ns;
    return wait_in(kUninterruptible, deadline).ok() ? left_until(deadline) : 0;
}

Result<u64> Completion::wait_interruptible_timeout(u64 timeout_ns) {
    const u64 deadline = time::now_ns() + timeout_ns;
    const Result<void> waited = wait_in(kInterruptible, deadline);
    if (waited.ok()) return left_until(deadline);
    if (waited.error() == ETIMEDOUT) return u64{0};
    return waited.error();
}

bool Completion::try_wait() {
    if (!is_done()) return false;
    IrqGuard guard(lock_);
    const u32 done = done_.load(std::memory_order_relaxed);
    if (done == 0) return false;
    if (done != kAll) done_.store(done - 1, std::memory_order_relaxed);
    return true;
}

void Completion::complete() {
    IrqGuard guard(lock_);
    const u32 done = done_.load(std::memory_order_relaxed);
    if (done != kAll) done_.store(done + 1, std::memory_order_release);
    queue_.wake_one();
}

void Completion::complete_all() {
    IrqGuard guard(lock_);
    done_.store(kAll, std::memory_order_release);
    queue_.wake_all();
}

void Completion::reinit() {
    IrqGuard guard(lock_);
    ASSERT(!queue_.has_waiters());
    done_.store(0, std::memory_order_relaxed);
}

}  // namespace sched
