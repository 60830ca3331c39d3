// Moving a task from one run queue to another. Linux: kernel/sched/core.c (move_queued_task,
// double_rq_lock).

#include "sched/run_queue.h"

namespace sched {

void move_task(RunQueue& from, RunQueue& to, Task& task) NO_LOCK_ANALYSIS {
    from.dequeue(task);
    class_of(task).migrate(from, to, task);
    task.se.nr_migrations++;
    task.cpu.store(to.cpu, std::memory_order_release);
    to.enqueue(task, Why::Migrate);
    to.balanced++;
}

void move_elsewhere(Task& task) {
    IrqGuard wake_guard(task.wake_lock);
    if (!task.is_moving) return;  // somebody woke it meanwhile, and has chosen its processor
    const unsigned cpu = select_task_rq(task, false);
    RunQueue& rq = cpu_rq(cpu);
    class_of(task).migrate(cpu_rq(task.cpu), rq, task);
    task.se.nr_migrations++;
    task.moves_now = false;
    IrqGuard guard(rq.lock);
    task.cpu = cpu;
    rq.enqueue(task, Why::Migrate);
    resched_curr(rq);
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
