// Real-time and deadline tasks on several processors: the most urgent of all should run, one on
// each. Linux: kernel/sched/rt.c and deadline.c (find_lowest_rq, push_rt_task, pull_rt_task).
//
// A task that wakes up goes where somebody less urgent runs. One that has to wait behind its like
// is pushed away by its processor, or pulled by one that is about to run something less urgent.

#include "sched/run_queue.h"

namespace sched {

namespace {

i32 prio_there(unsigned cpu) {
    const RunQueue& rq = cpu_rq(cpu);
    return rq.current_prio.load(std::memory_order_relaxed);
}

/// The allowed processor that runs what is least urgent; `home` if it is as good as any.
unsigned find_lowest(u64 allowed, unsigned home) {
    unsigned lowest = allowed >> home & 1 ? home : unsigned(__builtin_ctzll(allowed));
    for_each_cpu(CpuMask(allowed), [&](unsigned cpu) {
        if (prio_there(cpu) > prio_there(lowest)) lowest = cpu;
    });
    return lowest;
}

/// Among so many that wait, the most urgent ones first, is looked for one that can go: interrupts
/// are off meanwhile.
constexpr unsigned kMostLooks = 32;

/// The most urgent task that waits on `from` and for which `suits` is true; null if there is none.
template <class Suits>
Task* find_waiting(RunQueue& from, Suits suits) {
    unsigned looks = 0;
    for (Task* task = from.dl.tree.first(); task != nullptr; task = from.dl.tree.next(*task)) {
        if (suits(*task)) return task;
        if (++looks == kMostLooks) return nullptr;
    }
    for (i32 prio = 0; prio < kMaxRtPrio && from.rt.has_waiting(); prio++) {
        for (Task& task : from.rt.queue[prio]) {
            if (suits(task)) return &task;
            if (++looks == kMostLooks) return nullptr;
        }
    }
    return nullptr;
}

Task* find_movable(RunQueue& from, unsigned to) {
    return find_waiting(from, [to](const Task& task) { return can_migrate(task, to); });
}

/// Where the most urgent task that waits here, of those that could run elsewhere at once, would go;
/// kMaxCpus if none could.
unsigned find_push(RunQueue& here) {
    const u64 others = online_cpus.bits() & ~(u64{1} << here.cpu);
    IrqGuard guard(here.lock);
    if (others == 0 || !here.has_urgent_waiting()) return kMaxCpus;
    unsigned found = kMaxCpus;
    find_waiting(here, [&](const Task& task) {
        const u64 allowed = others & task.cpus_allowed;
        if (allowed == 0) return false;
        const unsigned cpu = find_lowest(allowed, unsigned(__builtin_ctzll(allowed)));
        if (prio_there(cpu) <= task.prio || !can_migrate(task, cpu)) return false;
        found = cpu;
        return true;
    });
    return found;
}

}  // namespace

unsigned select_urgent_rq(const Task& task) {
    const u64 allowed = task.cpus_allowed & online_cpus.bits();
    const unsigned home = task.cpu.load(std::memory_order_relaxed);
    if ((allowed >> home & 1) && prio_there(home) > task.prio) return home;
    return find_lowest(allowed, home);
}

void push_urgent_tasks(RunQueue& here) NO_LOCK_ANALYSIS {
    for (unsigned tries = 0; tries < kMaxCpus; tries++) {
        const unsigned cpu = find_push(here);
        if (cpu == kMaxCpus) return;
        RunQueue& there = cpu_rq(cpu);
        DoubleRunQueueGuard guard(here, there);
        // Meanwhile it may have begun to run, have ended, or have company there.
        Task* const task = find_movable(here, there.cpu);
        if (task == nullptr || there.current->prio <= task->prio) return;
        move_task(here, there, *task);
        resched_curr(there);
    }
}

bool pull_urgent_task(RunQueue& here, i32 prio) NO_LOCK_ANALYSIS {
    RunQueue* best = nullptr;
    i32 best_prio = prio;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        RunQueue& rq = cpu_rq(cpu);
        const i32 waiting = rq.waiting_prio.load(std::memory_order_relaxed);
        if (&rq == &here || waiting >= best_prio) return;
        best = &rq;
        best_prio = waiting;
    });
    if (best == nullptr) return false;
    DoubleRunQueueGuard guard(here, *best);
    Task* const task = find_movable(*best, here.cpu);
    // What waits there only for the processor to notice will run there.
    if (task == nullptr || task->prio >= prio || task->prio < best->current->prio) return false;
    move_task(*best, here, *task);
    return true;
}

}  // namespace sched
