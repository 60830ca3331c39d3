// synchronize_rcu_expedited(): a grace period of its own, for one who cannot wait for ticks. Linux:
// kernel/rcu/tree_exp.h.
//
// Who comes while another is at it waits for the mutex, and then often finds that a full grace
// period has passed since it came.

#include "core/rcu/rcu.h"
#include "core/rcu/sequence.h"
#include "core/rcu/state.h"
#include "sched/mutex.h"
#include "sched/rcu/grace_period.h"

namespace sched {

namespace {

struct Expedited {
    Mutex mutex{"rcu_exp"};
    std::atomic<u64> sequence{0};  // written under the mutex
    SpinLock lock{"rcu_exp", LockRank::Rcu};
    WaitQueue waiter;
};
constinit Expedited expedited;

void wake_waiter() {
    IrqGuard guard(expedited.lock);
    expedited.waiter.wake_all();
}

void run_period() REQUIRES(expedited.mutex) {
    expedited.sequence.fetch_add(1, std::memory_order_seq_cst);
    rcu::ask_expedited();
    {
        IrqGuard guard(expedited.lock);
        while (rcu::expedited.cpus.load(std::memory_order_acquire) != 0) {
            expedited.waiter.sleep_uninterruptible(expedited.lock);
        }
    }
    expedited.sequence.fetch_add(1, std::memory_order_seq_cst);
}

}  // namespace

void rcu_init_expedited() { rcu::expedited.all_done = wake_waiter; }

u64 rcu_expedited_periods() { return expedited.sequence.load(std::memory_order_relaxed) / 2; }

}  // namespace sched

void synchronize_rcu_expedited() {
    using sched::expedited;
    ASSERT(may_sleep());
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (online_cpus.count() == 1) return;
    const u64 wanted = rcu::end_of_full_period(expedited.sequence.load(std::memory_order_seq_cst));
    sched::MutexGuard guard(expedited.mutex);
    if (rcu::is_reached(expedited.sequence.load(std::memory_order_seq_cst), wanted)) return;
    sched::run_period();
}
