// rcu_barrier(): a callback of our own behind all others, on each processor that has any. Linux:
// kernel/rcu/tree.c, rcu_barrier().

#include "core/irq/ipi.h"
#include "core/rcu/rcu.h"
#include "core/rcu/state.h"
#include "sched/mutex.h"

namespace sched {

namespace {

struct Barrier {
    Mutex mutex{"rcu_barrier"};
    std::atomic<u32> missing{0};  // callbacks that have not run, and 1 while they are queued
    SpinLock lock{"rcu_barrier", LockRank::Rcu};
    WaitQueue waiter;
};
constinit Barrier barrier;
PER_CPU RcuHead barrier_head{};

void arrive() {
    if (barrier.missing.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    IrqGuard guard(barrier.lock);
    barrier.waiter.wake_all();
}

void queue_here(void*) {
    call_rcu(this_cpu(barrier_head), [](RcuHead&) { arrive(); });
}

/// Processors without callbacks are left alone. Whose callbacks we have to wait for queued them
/// before it told us so, so their number is not 0 here.
void queue_everywhere() {
    u64 cpus = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        if (rcu::queued_callbacks(cpu) == 0) return;
        cpus |= u64{1} << cpu;
        barrier.missing.fetch_add(1, std::memory_order_relaxed);
    });
    PreemptGuard stay;
    irq::call_on_cpus(cpus, queue_here, nullptr);
    if (cpus >> cpu_id() & 1) queue_here(nullptr);
}

}  // namespace

}  // namespace sched

void rcu_barrier() {
    using sched::barrier;
    ASSERT(may_sleep());
    sched::MutexGuard guard(barrier.mutex);
    barrier.missing.store(1, std::memory_order_relaxed);
    sched::queue_everywhere();
    sched::arrive();
    IrqGuard lock_guard(barrier.lock);
    while (barrier.missing.load(std::memory_order_acquire) != 0) {
        barrier.waiter.sleep_uninterruptible(barrier.lock);
    }
}
