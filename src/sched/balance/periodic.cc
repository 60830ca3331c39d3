// Evening out while every processor is busy: who carries less than another takes some of its
// tasks, as many as bring the two closer together. Linux: kernel/sched/fair.c (rebalance_domains,
// load_balance, detach_tasks).
//
// Load is the sum of weights, so a processor with one task of nice -5 may be as loaded as one with
// three of nice 0. Idle processors do not wait for this: they pull at once.

#include "core/percpu/percpu.h"
#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr u64 kIntervalNs = 32'000'000;

/// The queue with the greatest load besides `here`; null if none has more. A hint.
RunQueue* find_busiest(const RunQueue& here) {
    RunQueue* busiest = nullptr;
    u64 most = here.cfs.load;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        RunQueue& rq = cpu_rq(cpu);
        if (&rq == &here || rq.cfs.nr_running < 2 || rq.cfs.load <= most) return;
        busiest = &rq;
        most = rq.cfs.load;
    });
    return busiest;
}

/// Its caches know it, and it will soon run again.
bool is_cache_hot(const Task& task, u64 now) {
    return now - task.se.exec_start < tunable(tunables.migration_cost_ns);
}

/// A task whose move leaves the two closer together than they are.
Task* find_balancing(RunQueue& from, const RunQueue& to) {
    for (Task* task = from.cfs.tree.last(); task; task = from.cfs.tree.prev(*task)) {
        const bool evens_out = task->se.weight + to.cfs.load < from.cfs.load;
        if (evens_out && can_migrate(*task, to.cpu) && !is_cache_hot(*task, to.clock)) return task;
    }
    return nullptr;
}

}  // namespace

void note_balance_is_due(RunQueue& rq, u64 now) {
    const bool urgent_waits = is_urgent_prio(rq.waiting_prio.load(std::memory_order_relaxed));
    if (now < rq.next_balance_ns && !urgent_waits) return;
    rq.next_balance_ns = now + kIntervalNs;
    if (rq.nr_running > 0) softirq::raise_irqoff(SoftIrq::Sched);
}

void rebalance() NO_LOCK_ANALYSIS {
    RunQueue& here = this_rq();
    // Somebody may have been allowed elsewhere since it began to wait.
    if (is_urgent_prio(here.waiting_prio.load(std::memory_order_relaxed))) push_urgent_tasks(here);
    RunQueue* const busiest = find_busiest(here);
    if (busiest == nullptr) return;
    DoubleRunQueueGuard guard(here, *busiest);
    here.update_curr();
    const u32 most = tunables.nr_migrate.load(std::memory_order_relaxed);
    for (u32 moved = 0; moved < most; moved++) {
        Task* const task = find_balancing(*busiest, here);
        if (task == nullptr) return;
        move_task(*busiest, here, *task);
        if (here.should_preempt(*task)) resched_curr(here);
    }
}

}  // namespace sched
