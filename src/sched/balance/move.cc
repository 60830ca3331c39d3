// Moving a task from one run queue to another. Linux: kernel/sched/core.c (move_queued_task,
// double_rq_lock).

#include "sched/run_queue.h"
#include "sched/sched_trace.h"

namespace sched {

void set_task_cpu(Task& task, const RunQueue& to) {
    const u32 from = task.cpu.load(std::memory_order_relaxed);
    if (from == to.cpu) return;
    class_of(task).migrate(cpu_rq(from), to, task);
    task.se.nr_migrations++;
    if (trace::is_enabled<SchedMigrateTask>()) [[unlikely]] {
        trace_task(task, SchedMigrateTask{.comm = {},
                                          .pid = 0,
                                          .prio = task.prio,
                                          .orig_cpu = i32(from),
                                          .dest_cpu = i32(to.cpu)});
    }
    task.cpu.store(to.cpu, std::memory_order_release);
}

void move_task(RunQueue& from, RunQueue& to, Task& task) NO_LOCK_ANALYSIS {
    from.dequeue(task);
    set_task_cpu(task, to);
    to.enqueue(task, Why::Migrate);
    to.balanced++;
}

void move_elsewhere(Task& task) {
    IrqGuard wake_guard(task.wake_lock);
    if (!task.is_moving) return;  // somebody woke it meanwhile, and has chosen its processor
    RunQueue& rq = cpu_rq(select_task_rq(task, false));
    task.moves_now = false;
    IrqGuard guard(rq.lock);
    set_task_cpu(task, rq);
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
