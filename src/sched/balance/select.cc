// Which processor a task runs on. Linux: kernel/sched/fair.c (select_task_rq, newidle_balance).

#include "core/irq/ipi.h"
#include "sched/run_queue.h"

namespace sched {

namespace {

bool is_idle(unsigned cpu) { return cpu_rq(cpu).nr_running == 0; }

unsigned least_loaded(u64 allowed) {
    unsigned best = unsigned(__builtin_ctzll(allowed));
    for_each_cpu(CpuMask(allowed), [&](unsigned cpu) {
        if (cpu_rq(cpu).nr_running < cpu_rq(best).nr_running) best = cpu;
    });
    return best;
}

/// A fair task of `from` that may run on `to`: the last in line, whose caches are the coldest.
Task* find_movable(RunQueue& from, unsigned to) {
    auto& tree = from.cfs.tree;
    for (Task* task = tree.last(); task != nullptr; task = tree.prev(*task)) {
        if (can_migrate(*task, to)) return task;
    }
    return nullptr;
}

}  // namespace

unsigned select_task_rq(const Task& task, bool is_new) {
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

bool pull_task(RunQueue& here) NO_LOCK_ANALYSIS {
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
}

void move_task(RunQueue& from, RunQueue& to, Task& task) NO_LOCK_ANALYSIS {
    from.dequeue(task);
    class_of(task).migrate(from, to, task);
    task.se.nr_migrations++;
    task.cpu.store(to.cpu, std::memory_order_release);
    to.enqueue(task, Why::Migrate);
    to.balanced++;
}

DoubleRunQueueGuard::DoubleRunQueueGuard(RunQueue& a, RunQueue& b) NO_LOCK_ANALYSIS
    : first_(a.cpu < b.cpu ? a : b),
      second_(a.cpu < b.cpu ? b : a),
      irqs_were_on_(arch::irq_save()) {
    ASSERT(&a != &b);
    first_.lock.lock();
    second_.lock.lock_nested();
}

DoubleRunQueueGuard::~DoubleRunQueueGuard() NO_LOCK_ANALYSIS {
    second_.lock.unlock();
    first_.lock.unlock();
    arch::irq_restore(irqs_were_on_);
}

}  // namespace sched
