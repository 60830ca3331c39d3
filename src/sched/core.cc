// Starting, moving and yielding: what surrounds schedule(). Linux: kernel/sched/core.c.

#include "sched/sched.h"

#include "abi/sched.h"
#include "core/irq/ipi.h"
#include "sched/balance/stopper.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/sched_trace.h"
#include "sched/tunables.h"

namespace sched {

void yield() {
    {
        PreemptGuard stay;  // on the processor whose queue this is
        RunQueue& rq = this_rq();
        IrqGuard guard(rq.lock);
        rq.update_curr();
        rq.yields++;
        Task& me = current();
        class_of(me).yield(rq, me);
    }
    schedule();
}

void set_current_state(u32 state) { current().state.store(state, std::memory_order_seq_cst); }

void set_special_state(u32 state) {
    Task& task = current();
    IrqGuard guard(task.wake_lock);
    task.state.store(state, std::memory_order_seq_cst);
}

void resched_curr(RunQueue& rq) {
    if (rq.cpu == cpu_id()) {
        const bool irqs = arch::irq_save();
        arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) & ~kNoReschedNeeded);
        arch::irq_restore(irqs);
    } else {
        irq::send_reschedule(rq.cpu);
    }
}

void kick_process(Task& task) {
    PreemptGuard preempt;
    const u32 cpu = task.cpu.load(std::memory_order_relaxed);
    if (cpu != cpu_id() && task.on_cpu.load(std::memory_order_relaxed)) irq::send_reschedule(cpu);
}

/// A forked child runs before its parent, on the same processor: it will most likely call execve()
/// at once, and then none of the parent's writes has to copy a page for nothing. It spreads to
/// other processors when it does (sched_exec), or when one of them has nothing to do. A thread goes
/// to the least loaded processor right away.
void wake_up_new_task(Task& task) {
    task.ref_count.inc();  // for as long as it can be on a processor
    IrqGuard guard(task.wake_lock);
    const unsigned here = cpu_id();
    const bool forked = task.mm != nullptr && task.mm != current().mm && current().mm != nullptr;
    const bool is_fair = task.sched_class == ClassId::Fair;
    const bool both_fair = is_fair && current().sched_class == ClassId::Fair;
    const bool child_first = forked && both_fair && (task.cpus_allowed >> here & 1) &&
                             tunables.child_runs_first.load(std::memory_order_relaxed) != 0;
    const unsigned cpu = child_first ? here : select_task_rq(task, true);
    task.cpu = cpu;
    task.state = kRunning;
    RunQueue& rq = cpu_rq(cpu);
    IrqGuard rq_guard(rq.lock);
    rq.enqueue(task, child_first ? Why::ForkFirst : Why::Fork);
    trace_wakeup<SchedWakeupNew>(task);
    const bool now = is_fair ? rq.current == rq.idle : rq.should_preempt(task);
    if (child_first || now) resched_curr(rq);
}

void sched_exec() {
    Task& task = current();
    {
        PreemptGuard stay;
        if (this_rq().nr_running < 2 || !has_idle_cpu(task.cpus_allowed)) return;
        task.moves_now = true;
    }
    schedule();
}

Result<void> sched_fork(Task& child, Task& parent) {
    const bool reset = parent.reset_on_fork;
    const bool is_urgent = is_urgent_prio(parent.normal_prio);
    if (parent.policy == abi::SCHED_DEADLINE && !reset) return EAGAIN;
    child.policy = reset && is_urgent ? abi::SCHED_OTHER : parent.policy;
    child.rt_priority = reset ? 0 : parent.rt_priority;
    child.nice = reset ? std::max(parent.nice, 0) : parent.nice;
    child.cpus_allowed = parent.cpus_allowed;
    init_priority(child);
    child.state = kNew;
    child.cpu = cpu_id();
    return {};
}

namespace {

/// Runs on the processor that the task may have to leave.
void send_away(void* argument) NO_LOCK_ANALYSIS {
    Task& task = *static_cast<Task*>(argument);
    bool leaves;
    {
        TaskRqGuard guard(task);
        RunQueue& rq = guard.rq();
        leaves = rq.cpu == cpu_id() && task.waits && !(task.cpus_allowed >> rq.cpu & 1);
        if (leaves) {
            rq.dequeue(task);
            task.is_moving = true;
        }
    }
    if (leaves) move_elsewhere(task);
}

}  // namespace

Result<void> set_cpus_allowed(Task& task, u64 mask) NO_LOCK_ANALYSIS {
    mask &= possible_cpus.bits();
    if ((mask & online_cpus.bits()) == 0) return EINVAL;
    u32 forbidden_cpu;
    {
        // Who wakes it now must choose before or after, but not by the mask that was.
        IrqGuard wake_guard(task.wake_lock);
        TaskRqGuard guard(task);
        RunQueue& rq = guard.rq();
        task.cpus_allowed = mask;
        if (!task.on_rq || (mask >> rq.cpu & 1)) return {};
        forbidden_cpu = rq.cpu;
        resched_curr(rq);  // if it runs, schedule() sends it away
    }
    // The caller may rely on it: once this returns, the task has left. It waits there, or runs, or
    // is just switching; the stopper, once it runs there, finds it waiting.
    if (&task == &current()) {
        schedule();
    } else {
        (void)stop_one_cpu(forbidden_cpu, send_away, &task);
    }
    return {};
}

}  // namespace sched
