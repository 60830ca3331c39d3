// What the classes of a run queue have in common. Linux: kernel/sched/core.c.

#include "sched/run_queue.h"

#include "core/time/clock.h"
#include "sched/sched_trace.h"
#include "sched/tunables.h"

namespace sched {

constinit Tunables tunables;

namespace {

/// How many run queues have urgent tasks that wait.
constinit std::atomic<u32> urgent_queues{0};

/// Linux has this event for fair tasks only.
void trace_charge(const Task& task, u64 delta) {
    if (task.sched_class != ClassId::Fair) return;
    const SchedStatRuntime record{
        .comm = {}, .pid = 0, .runtime = delta, .vruntime = task.se.vruntime};
    trace_task(task, record);
}

bool is_urgent(const Task& task) { return task.sched_class < ClassId::Fair; }

}  // namespace

bool urgent_tasks_wait() { return urgent_queues.load(std::memory_order_relaxed) != 0; }

void RunQueue::note_waiting() {
    const i32 before = waiting_prio.load(std::memory_order_relaxed);
    const i32 now = !dl.tree.empty()   ? kDeadlinePrio
                    : rt.has_waiting() ? rt.first_prio()
                                       : kIdlePrio;
    waiting_prio.store(now, std::memory_order_relaxed);
    if (is_urgent_prio(before) == is_urgent_prio(now)) return;
    urgent_queues.fetch_add(is_urgent_prio(now) ? 1 : ~u32{0}, std::memory_order_relaxed);
}

void RunQueue::update_curr() {
    Task& task = *current;
    clock = time::now_ns();
    const u64 delta = clock - task.se.exec_start;
    if (i64(delta) <= 0 || &task == idle) return;
    task.se.exec_start = clock;
    task.se.sum_exec_runtime += delta;
    class_of(task).update_curr(*this, task, delta);
    if (trace::is_enabled<SchedStatRuntime>()) [[unlikely]] {
        trace_charge(task, delta);
    }
}

void RunQueue::enqueue(Task& task, Why why) {
    ASSERT(!task.waits);
    update_curr();
    class_of(task).enqueue(*this, task, why);
    task.on_rq = 1;
    task.waits = true;
    task.is_moving = false;
    uninterruptible -= std::exchange(task.counts_as_load, false);
    task.sched_info.last_queued = clock;
    if (is_urgent(task)) note_waiting();
}

void RunQueue::dequeue(Task& task) {
    ASSERT(task.waits);
    class_of(task).dequeue(*this, task);
    task.waits = false;
    task.on_rq = 0;
    if (is_urgent(task)) note_waiting();
}

void RunQueue::deactivate_current(Task& task) {
    ASSERT(&task == current && !task.waits);
    class_of(task).deactivate(*this, task);
    task.on_rq = 0;
    task.counts_as_load = task.state.load(std::memory_order_relaxed) & kUninterruptible;
    uninterruptible += task.counts_as_load;
}

void RunQueue::put_prev(Task& task) {
    if (&task == idle) return;
    class_of(task).put_prev(*this, task);
    task.waits = true;
    task.sched_info.last_queued = clock;
    if (is_urgent(task)) note_waiting();
}

Task* RunQueue::pick_next() {
    Task* task = nullptr;
    if (nr_running == cfs.nr_running) {  // fair tasks only, as mostly
        task = fair_class.pick_next(*this);
    } else {
        for (unsigned i = 0; task == nullptr && i < unsigned(ClassId::Idle); i++) {
            task = classes[i]->pick_next(*this);
        }
    }
    if (task == nullptr) return nullptr;
    task->waits = false;
    task->se.exec_start = clock;
    task->se.prev_sum_exec_runtime = task->se.sum_exec_runtime;
    const u64 delay = clock - task->sched_info.last_queued;
    task->sched_info.pcount++;
    task->sched_info.run_delay_ns += delay;
    pcount++;
    run_delay_ns += delay;
    if (trace::is_enabled<SchedStatWait>() && task != current) [[unlikely]] {
        trace_task(*task, SchedStatWait{.comm = {}, .pid = 0, .delay = delay});
    }
    if (is_urgent(*task)) note_waiting();
    return task;
}

bool RunQueue::slice_is_over() {
    // Real-time tasks may have been throttled until now.
    if (rt.has_waiting() && current->sched_class >= ClassId::Fair && rt_may_run(*this)) return true;
    return class_of(*current).task_tick(*this, *current);
}

bool RunQueue::should_preempt(const Task& woken) {
    if (woken.sched_class != current->sched_class) return woken.sched_class < current->sched_class;
    return class_of(woken).preempts(*this, woken);
}

TaskRqGuard::TaskRqGuard(const Task& task) NO_LOCK_ANALYSIS : irqs_were_on_(arch::irq_save()) {
    for (;;) {
        rq_ = &cpu_rq(task.cpu.load(std::memory_order_acquire));
        rq_->lock.lock();
        if (task.cpu.load(std::memory_order_relaxed) == rq_->cpu) return;
        rq_->lock.unlock();
    }
}

TaskRqGuard::~TaskRqGuard() NO_LOCK_ANALYSIS {
    rq_->lock.unlock();
    restore_irqs_and_preempt(irqs_were_on_);
}

}  // namespace sched
