// LAB FILE (03-scheduling): which processor a task runs on. Linux: kernel/sched/fair.c
// (select_task_rq, newidle_balance).

#include "core/irq/ipi.h"
#include "lib/lab.h"
#include "sched/run_queue.h"

namespace sched {

namespace {

[[maybe_unused]] bool is_idle(unsigned cpu) { return cpu_rq(cpu).nr_running == 0; }

[[maybe_unused]] unsigned least_loaded(u64 allowed) {
    unsigned best = unsigned(__builtin_ctzll(allowed));
    for_each_cpu(CpuMask(allowed), [&](unsigned cpu) {
        if (cpu_rq(cpu).nr_running < cpu_rq(best).nr_running) best = cpu;
    });
    return best;
}

/// A fair task of `from` that may run on `to`: the last in line, whose caches are the coldest.
[[maybe_unused]] Task* find_movable(RunQueue& from, unsigned to) {
    auto& tree = from.cfs.tree;
    for (Task* task = tree.last(); task != nullptr; task = tree.prev(*task)) {
        if (can_migrate(*task, to)) return task;
    }
    return nullptr;
}

}  // namespace

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   Before  `task` wakes up, or is new. It may use one online processor at least.
///   After   the processor on which it should run, one that it may use. For real-time and deadline
///           tasks select_urgent_rq() knows. A new task: the least loaded one. Else the last one
///           that it was on, if that is idle or no allowed one is; an idle one otherwise.
///           If its last one is forbidden now: the least loaded.
///   Use     task.cpus_allowed, online_cpus.bits(), is_idle(), least_loaded().
///   Check   `make grade LAB=scheduling T=balance`
///   Think   why home first, if several are idle?
unsigned select_task_rq(const Task& task, bool is_new) {
#ifdef SOLVED_SCHEDULING
    const u64 allowed = task.cpus_allowed & online_cpus.bits();
    ASSERT(allowed != 0);
    if (task.sched_class < ClassId::Fair) return select_urgent_rq(task);
    if (is_new) return least_loaded(allowed);
    const unsigned last = task.cpu.load(std::memory_order_relaxed);
    if (allowed >> last & 1) {
        if (is_idle(last)) return last;
        const unsigned best = least_loaded(allowed);
        return is_idle(best) ? best : last;
    }
    return least_loaded(allowed);
#else
    lab_todo("scheduling", "select_task_rq");
#endif
}

bool has_idle_cpu(u64 allowed) {
    bool found = false;
    for_each_cpu(CpuMask(allowed & online_cpus.bits()),
                 [&](unsigned cpu) { found |= is_idle(cpu); });
    return found;
}

void kick_idle_cpu() {
    const unsigned least = least_loaded(online_cpus.bits());
    if (is_idle(least)) irq::send_reschedule(least);
}

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   Before  this processor has nothing to do. No run queue is locked.
///   After   true: a task that waited where most are ready waits here. False: there was none that
///           may be moved.
///   Use     for_each_cpu(online_cpus, …), nr_running, DoubleRunQueueGuard, find_movable(),
///           move_task().
///   Check   `make grade LAB=scheduling T=balance`
///   Think   how many must be ready there at least, if one of them runs?
bool pull_task(RunQueue& here) NO_LOCK_ANALYSIS {
#ifdef SOLVED_SCHEDULING
    RunQueue* busiest = nullptr;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        RunQueue& rq = cpu_rq(cpu);
        // One task runs; only what waits behind it can be taken.
        if (&rq == &here || rq.nr_running < 2) return;
        if (busiest == nullptr || rq.nr_running > busiest->nr_running) busiest = &rq;
    });
    if (busiest == nullptr) return false;

    DoubleRunQueueGuard guard(here, *busiest);
    Task* task = find_movable(*busiest, here.cpu);
    if (task == nullptr) return false;
    move_task(*busiest, here, *task);
    return true;
#else
    lab_todo("scheduling", "pull_task");
#endif
}

}  // namespace sched
