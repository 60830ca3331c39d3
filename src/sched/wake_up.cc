// LAB FILE (03-scheduling): waking up. Linux: kernel/sched/core.c (try_to_wake_up).
//
// A sleeper and its waker meet at Task::state. The sleeper writes it, then looks whether what it
// waits for has come, then calls schedule(); the waker makes it come, then looks at the state. In
// whatever order these happen, one of the two sees the other.

#include "lib/lab.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/sched_trace.h"

namespace sched {

/// LAB scheduling, task 2 "Wake up" (handouts/03-scheduling.md). Write the body.
///   Before  interrupts are off, task.wake_lock is held. The task is about to sleep, sleeps, or was
///           preempted; it may be moved from one run queue to another at any moment.
///   After   true: it is on a run queue, and its state is kRunning: it just goes on. False: it is
///           on none.
///   Use     cpu_rq(), IrqGuard for the run queue's lock, task.on_rq.
///   Check   `make grade LAB=scheduling T=wake`
///   Think   on_rq is guarded by the lock of *its* run queue. What do you know once you have locked
///           the one that task.cpu named before?
static bool wake_on_queue(Task& task) {
#ifdef SOLVED_SCHEDULING
    for (;;) {
        const u32 cpu = task.cpu.load(std::memory_order_acquire);
        RunQueue& rq = cpu_rq(cpu);
        IrqGuard guard(rq.lock);
        if (task.cpu.load(std::memory_order_relaxed) != cpu) continue;
        if (!task.on_rq) return false;
        task.state.store(kRunning, std::memory_order_relaxed);
        return true;
    }
#else
    lab_todo("scheduling", "wake_on_queue");
#endif
}

/// For /proc/schedstat. The run queue is locked.
[[maybe_unused]] static void count_wakeup(RunQueue& rq) {
    rq.wakeups++;
    rq.local_wakeups += rq.cpu == cpu_id();
}

/// LAB scheduling, task 2 "Wake up" (handouts/03-scheduling.md). Write the body.
///   Before  as for wake_on_queue(), which has said false: the task sleeps. Perhaps a processor is
///           still busy switching away from it.
///   After   its registers are saved (on_cpu is 0), its state is kRunning, and it waits in the run
///           queue of the processor that select_task_rq() has chosen, where the running task gives
///           way if it should.
///   Use     arch::cpu_relax(), select_task_rq(), cpu_rq(), IrqGuard for its lock, set_task_cpu(),
///           RunQueue::enqueue(), should_preempt(), resched_curr(), count_wakeup().
///   Check   `make grade LAB=scheduling T=wake`
///   Think   what would happen if a second processor ran the task while the first one still uses
///           its stack?
static void wake_from_sleep(Task& task) {
#ifdef SOLVED_SCHEDULING
    while (task.on_cpu.load(std::memory_order_acquire)) arch::cpu_relax();
    task.state.store(kRunning, std::memory_order_relaxed);
    RunQueue& rq = cpu_rq(select_task_rq(task, false));
    IrqGuard guard(rq.lock);
    set_task_cpu(task, rq);
    rq.enqueue(task, Why::Wakeup);
    count_wakeup(rq);
    if (rq.should_preempt(task)) resched_curr(rq);
#else
    lab_todo("scheduling", "wake_from_sleep");
#endif
}

bool try_to_wake_up(Task& task, u32 states) {
    IrqGuard guard(task.wake_lock);
    if (!(task.state.load(std::memory_order_seq_cst) & states)) return false;
    trace_wakeup<SchedWaking>(task);
    if (!wake_on_queue(task)) wake_from_sleep(task);
    trace_wakeup<SchedWakeup>(task);
    return true;
}

}  // namespace sched
