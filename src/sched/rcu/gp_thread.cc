// rcu_sched: one grace period after the other, as long as somebody wants one. Linux: kernel/rcu/
// tree.c, rcu_gp_kthread().
//
// The thread asks all processors and sleeps. Most answer by themselves at their next tick or
// switch; the last one to answer wakes the thread. Now and then it looks for processors that have
// gone idle meanwhile, and hurries the others.

#include "core/log/panic.h"
#include "core/rcu/rcu.h"
#include "core/rcu/sequence.h"
#include "core/rcu/state.h"
#include "core/time/clock.h"
#include "sched/kthread.h"
#include "sched/rcu/grace_period.h"
#include "sched/rcu/stall.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

namespace {

/// Time between two looks at those who have not answered. Longer than a tick: most will have.
constexpr u64 kLookNs = 6 * time::kNsPerMs;

struct GracePeriods {
    SpinLock lock{"rcu", LockRank::Rcu};
    WaitQueue thread;   // rcu_sched sleeps here,
    WaitQueue waiters;  // and those who wait for a grace period here
    Task* task = nullptr;
};
constinit GracePeriods periods;

void wake_thread() {
    IrqGuard guard(periods.lock);
    periods.thread.wake_all();
}

void wait_until_wanted() {
    IrqGuard guard(periods.lock);
    while (rcu::is_reached(rcu::sequence(), rcu::wanted())) {
        (void)periods.thread.sleep(periods.lock);
    }
}

bool all_have_answered() { return rcu::normal.cpus.load(std::memory_order_acquire) == 0; }

/// Sleeps until all processors have answered, at most for kLookNs. True if they have.
bool wait_for_answers() {
    const u64 deadline = time::now_ns() + kLookNs;
    IrqGuard guard(periods.lock);
    while (!all_have_answered()) {
        if (!periods.thread.sleep_until(periods.lock, deadline).ok()) break;
    }
    return all_have_answered();
}

/// Reports a grace period that takes too long, again and again, with growing patience.
class StallWatch {
public:
    void look() {
        const u64 took = time::now_ns() - begin_;
        if (took < limit_) return;
        if (!all_have_answered()) rcu_report_stall(rcu::normal.cpus.load(), took);
        limit_ = took + 3 * rcu_stall_timeout_ns.load(std::memory_order_relaxed);
    }

private:
    const u64 begin_ = time::now_ns();
    u64 limit_ = rcu_stall_timeout_ns.load(std::memory_order_relaxed);
};

void run_period() {
    StallWatch watch;
    rcu::begin_period();
    for (bool kick = false; !wait_for_answers(); kick = true) {
        rcu::force_quiescent_states(kick);
        watch.look();
    }
    rcu::end_period();
    IrqGuard guard(periods.lock);
    periods.waiters.wake_all();
}

void run_periods(void*) {
    for (;;) {
        wait_until_wanted();
        run_period();
    }
}

}  // namespace

void rcu_init() {
    rcu::init();
    rcu::normal.all_done = wake_thread;
    rcu_init_expedited();
    Result<Task*> thread = kthread_run(run_periods, nullptr, "rcu_sched");
    if (!thread.ok()) panic("no thread for grace periods: %s", thread.error());
    periods.task = thread.value();
    rcu::wake_thread = wake_thread;
}

Task* rcu_thread() { return periods.task; }

void rcu_wait_for(u64 sequence) {
    rcu::request(sequence);
    IrqGuard guard(periods.lock);
    while (!rcu::is_reached(rcu::sequence(), sequence)) {
        periods.waiters.sleep_uninterruptible(periods.lock);
    }
}

}  // namespace sched

void synchronize_rcu() {
    ASSERT(may_sleep());
    // What the caller has unlinked comes before the look at the sequence.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    // On the only processor no section can be under way: this would have to interrupt it.
    if (online_cpus.count() == 1) return;
    sched::rcu_wait_for(rcu::end_of_full_period(rcu::sequence()));
}
