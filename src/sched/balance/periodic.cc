// LAB FILE (03-scheduling): evening out while every processor is busy: who carries less than
// another takes some of its tasks, as many as bring the two closer together. Linux:
// kernel/sched/fair.c (rebalance_domains, load_balance, detach_tasks).
//
// Load is the sum of weights, so a processor with one task of nice -5 may be as loaded as one with
// three of nice 0. Idle processors do not wait for this: they pull at once.

#include "core/percpu/percpu.h"
#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "lib/lab.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr u64 kIntervalNs = 32'000'000;

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   After   the queue with the greatest load of all online processors, `here` aside; null unless
///           it carries more than `here` and has two tasks or more. A hint: no lock is held.
///   Use     for_each_cpu(online_cpus, …), cpu_rq(), cfs.load, cfs.nr_running.
///   Check   `make grade LAB=scheduling T=balance`
///   Think   why is one heavy task, alone on its processor, nothing to take?
[[maybe_unused]] RunQueue* find_busiest(const RunQueue& here) {
#ifdef SOLVED_SCHEDULING
    RunQueue* busiest = nullptr;
    u64 most = here.cfs.load;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        RunQueue& rq = cpu_rq(cpu);
        if (&rq == &here || rq.cfs.nr_running < 2 || rq.cfs.load <= most) return;
        busiest = &rq;
        most = rq.cfs.load;
    });
    return busiest;
#else
    lab_todo("scheduling", "find_busiest");
#endif
}

/// Its caches know it, and it will soon run again.
[[maybe_unused]] bool is_cache_hot(const Task& task, u64 now) {
    return now - task.se.exec_start < tunable(tunables.migration_cost_ns);
}

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   Before  both queues are locked.
///   After   a task that waits in `from`, may be moved to `to`, is not cache hot, and whose move
///           leaves the two loads closer together than they are; the last in line of these. Null
///           if there is none.
///   Use     from.cfs.tree.last() and prev(), can_migrate(), is_cache_hot(task, to.clock).
///   Check   `make grade LAB=scheduling T=balance`
///   Think   loads of 3072 and 1024, tasks of 1024: is one moved? And then? What if you had counted
///           the one with "or as close"?
[[maybe_unused]] Task* find_balancing(RunQueue& from, const RunQueue& to) {
#ifdef SOLVED_SCHEDULING
    for (Task* task = from.cfs.tree.last(); task; task = from.cfs.tree.prev(*task)) {
        const bool evens_out = task->se.weight + to.cfs.load < from.cfs.load;
        if (evens_out && can_migrate(*task, to.cpu) && !is_cache_hot(*task, to.clock)) return task;
    }
    return nullptr;
#else
    lab_todo("scheduling", "find_balancing");
#endif
}

}  // namespace

void note_balance_is_due(RunQueue& rq, u64 now) {
    const bool urgent_waits = is_urgent_prio(rq.waiting_prio.load(std::memory_order_relaxed));
    if (now < rq.next_balance_ns && !urgent_waits) return;
    rq.next_balance_ns = now + kIntervalNs;
    if (rq.nr_running > 0) softirq::raise_irqoff(SoftIrq::Sched);
}

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   Before  softirq context, no run queue locked. This processor has run something since the last
///           time; others have, too.
///   After   urgent tasks that wait here were offered to others (push_urgent_tasks()). Then tasks
///           came from the busiest queue, one after the other, at most nr_migrate and as long as
///           that brings the two closer; who should run at once makes the running task give way.
///   Use     find_busiest(), DoubleRunQueueGuard, update_curr(), find_balancing(), move_task(),
///           should_preempt(), resched_curr().
///   Check   `make grade LAB=scheduling T=balance`
///   Think   between find_busiest() and the locks, what may have happened?
void rebalance() NO_LOCK_ANALYSIS {
#ifdef SOLVED_SCHEDULING
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
#else
    lab_todo("scheduling", "rebalance");
#endif
}

}  // namespace sched
