// schedule(), waking up, and the switch itself. Linux: kernel/sched/core.c.
//
// A run queue's lock is taken by the task that leaves the processor and released by the one that
// gets it (finish_task_switch), on the same processor: between, there is no task whose it could be.

#include "sched/sched.h"

#include "abi/sched.h"
#include "core/irq/ipi.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/rcu/quiescent.h"
#include "core/time/clock.h"
#include "sched/balance/stopper.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/sched_trace.h"
#include "sched/tunables.h"
#include "sched/wait_queue.h"
#include "sched/workqueue/internal.h"

namespace sched {

PER_CPU Task* current_task = nullptr;
void (*switch_mm_hook)(Task& previous, Task& next) = nullptr;

namespace {

PER_CPU Task* switched_from = nullptr;  // who ran before the task that runs now
PER_CPU u32 previous_is_dead = 0;       // and will never run again
PER_CPU Task* to_migrate = nullptr;     // and must go to another processor

/// The state as Linux' sched_switch prints it: a bit mask, 0 for R.
u32 traced_state(const Task& task, bool preempted) {
    return preempted ? 0 : task.state.load(std::memory_order_relaxed);
}

void trace_switch(const Task& from, const Task& to, bool preempted) {
    SchedSwitch record{.prev_comm = {},
                       .prev_pid = from.pid,
                       .prev_prio = from.prio,
                       .prev_state = traced_state(from, preempted),
                       .next_comm = {},
                       .next_pid = to.pid,
                       .next_prio = to.prio};
    memcpy(record.prev_comm, from.comm, sizeof record.prev_comm);
    memcpy(record.next_comm, to.comm, sizeof record.next_comm);
    trace::point(record);
}

void clear_need_resched() {
    arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) | kNoReschedNeeded);
}

/// Decides what becomes of the task that calls schedule(). The run queue is locked.
void put_away(RunQueue& rq, Task& task, bool preempted) NO_LOCK_ANALYSIS {
    const u32 state = task.state.load(std::memory_order_relaxed);
    if (!preempted && state != kRunning) {
        if (signal_ends_sleep(task, state)) {
            task.state.store(kRunning, std::memory_order_relaxed);
        } else {
            rq.deactivate_current(task);
            return;
        }
    }
    const bool must_leave = task.moves_now || !(task.cpus_allowed >> rq.cpu & 1);
    if (&task != rq.idle && must_leave) {
        rq.deactivate_current(task);  // it moves once it is off this processor
        arch::this_cpu_write(to_migrate, &task);
        return;
    }
    rq.put_prev(task);
}

/// What waits elsewhere must be more urgent than that to be worth fetching: what will run here.
/// A guess without the lock.
i32 least_urgent_bound(const RunQueue& rq, const Task& from, bool preempted) {
    const bool stays = preempted || from.state.load(std::memory_order_relaxed) == kRunning;
    const i32 waiting = rq.waiting_prio.load(std::memory_order_relaxed);
    return std::min(std::min(stays ? from.prio : kIdlePrio, waiting), kMaxRtPrio);
}

/// Interrupts are off, the run queue is locked; returns on the new task's stack with both so.
void context_switch(RunQueue& rq, Task& from, Task& to, bool preempted) NO_LOCK_ANALYSIS {
    rq.switches++;
    (from.on_rq ? from.involuntary_switches : from.voluntary_switches)++;
    rq.current_prio.store(to.prio, std::memory_order_relaxed);
    if (trace::is_enabled<SchedSwitch>()) [[unlikely]] {
        trace_switch(from, to, preempted);
    }
    if (&from == rq.idle) rq.leave_idle();
    if (&to == rq.idle) rq.enter_idle();
    rq.current = &to;
    to.on_cpu.store(1, std::memory_order_relaxed);
    if (from.rseq_area.raw() != 0) from.set(kRseqWork);
    if (switch_mm_hook != nullptr) switch_mm_hook(from, to);
    arch::this_cpu_write(current_task, &to);
    lockval::switch_to(&from.locks, to.locks);
    arch::this_cpu_write(trace::current_pid, u32(to.pid));
    arch::this_cpu_write(switched_from, &from);
    arch::switch_to(from.arch, to.arch, static_cast<u8*>(to.stack) + kKernelStackSize);
}

void schedule_once(bool preempted) NO_LOCK_ANALYSIS {
    preempt_disable();
    arch::irq_disable();
    rcu::note_context_switch();
    RunQueue& rq = this_rq();
    Task& from = *arch::this_cpu_read(current_task);
    if (urgent_tasks_wait()) [[unlikely]] {
        pull_urgent_task(rq, least_urgent_bound(rq, from, preempted));
    }
    rq.lock.lock();
    rq.schedules++;
    rq.update_curr();
    put_away(rq, from, preempted);
    Task* to = rq.pick_next();
    if (to == nullptr) {
        rq.lock.unlock();
        pull_task(rq);
        rq.lock.lock();
        // Without the lock somebody may have woken up here, too.
        to = rq.pick_next();
        if (to == nullptr) to = rq.idle;
    }
    clear_need_resched();
    if (to != &from) {
        context_switch(rq, from, *to, preempted);
        finish_task_switch(*arch::this_cpu_read(switched_from));
    } else {
        rq.lock.unlock();
    }
    preempt_enable_no_resched();
}

/// Puts a task that left a processor it may not use on one that it may.
void move_elsewhere(Task& task) {
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

/// Runs on the processor that the task may have to leave.
void send_away(void* argument) NO_LOCK_ANALYSIS {
    Task& task = *static_cast<Task*>(argument);
    bool leaves;
    {
        TaskRqGuard guard(task);
        RunQueue& rq = guard.rq();
        leaves = rq.cpu == cpu_id() && task.waits && !(task.cpus_allowed >> rq.cpu & 1);
        if (leaves) rq.dequeue(task);
    }
    if (leaves) move_elsewhere(task);
}

}  // namespace

/// After a switch, on the new task's stack: the old one's registers are saved, so others may have
/// it now.
void finish_task_switch(Task& previous) NO_LOCK_ANALYSIS {
    previous.on_cpu.store(0, std::memory_order_release);
    RunQueue& rq = this_rq();
    rq.lock.unlock();
    if (is_urgent_prio(rq.waiting_prio.load(std::memory_order_relaxed))) [[unlikely]] {
        push_urgent_tasks(rq);
    }
    if (Task* task = arch::this_cpu_read(to_migrate)) {
        arch::this_cpu_write(to_migrate, static_cast<Task*>(nullptr));
        move_elsewhere(*task);
    }
    if (arch::this_cpu_read(previous_is_dead) != 0) {
        arch::this_cpu_write(previous_is_dead, 0u);
        if (previous.ref_count.dec_and_test()) Task::release(&previous);
    }
}

void schedule() {
    assert_no_spin_locks();
    ASSERT(preempt_depth() == 0);
    Task& me = current();
    const bool is_worker = me.has(kWqWorker);
    if (is_worker && me.state.load(std::memory_order_relaxed) != kRunning) wq_worker_sleeping(me);
    do {
        schedule_once(false);
        arch::irq_enable();
    } while (need_resched());
    if (is_worker) wq_worker_running(me);
}

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

namespace {

/// The task is still on its queue (it is about to sleep, or was preempted): it simply goes on.
bool wake_on_queue(Task& task) {
    for (;;) {
        const u32 cpu = task.cpu.load(std::memory_order_acquire);
        RunQueue& rq = cpu_rq(cpu);
        IrqGuard guard(rq.lock);
        if (task.cpu.load(std::memory_order_relaxed) != cpu) continue;
        if (!task.on_rq) return false;
        task.state.store(kRunning, std::memory_order_relaxed);
        return true;
    }
}

void wake_from_sleep(Task& task) {
    // Its last processor may still be switching away from it.
    while (task.on_cpu.load(std::memory_order_acquire)) arch::cpu_relax();
    task.state.store(kRunning, std::memory_order_relaxed);
    const unsigned cpu = select_task_rq(task, false);
    const u32 old = task.cpu.load(std::memory_order_relaxed);
    RunQueue& rq = cpu_rq(cpu);
    if (cpu != old) {
        class_of(task).migrate(cpu_rq(old), rq, task);
        task.se.nr_migrations++;
    }
    IrqGuard guard(rq.lock);
    task.cpu.store(cpu, std::memory_order_release);
    rq.enqueue(task, Why::Wakeup);
    rq.wakeups++;
    rq.local_wakeups += cpu == cpu_id();
    if (rq.should_preempt(task)) resched_curr(rq);
}

}  // namespace

bool try_to_wake_up(Task& task, u32 states) {
    IrqGuard guard(task.wake_lock);
    if (!(task.state.load(std::memory_order_seq_cst) & states)) return false;
    if (!wake_on_queue(task)) wake_from_sleep(task);
    if (trace::is_enabled<SchedWakeup>()) [[unlikely]] {
        SchedWakeup record{.comm = {},
                           .pid = task.pid,
                           .prio = task.prio,
                           .target_cpu = task.cpu.load(std::memory_order_relaxed)};
        memcpy(record.comm, task.comm, sizeof record.comm);
        trace::point(record);
    }
    return true;
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

void do_task_dead() {
    Task& task = current();
    leave_classes(task);
    lockval::expect_none_held("still held by a thread that ends");
    arch::irq_disable();
    if (task.state.load() != kZombie) set_special_state(kDead);
    arch::this_cpu_write(previous_is_dead, 1u);
    schedule_once(false);
    panic("a dead task runs again");
}

Result<void> set_cpus_allowed(Task& task, u64 mask) NO_LOCK_ANALYSIS {
    mask &= possible_cpus.bits();
    if ((mask & online_cpus.bits()) == 0) return EINVAL;
    u32 forbidden_cpu;
    {
        PreemptGuard preempt;
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

void upcall::preempt_schedule() {
    if (preempt_depth() != 0 || !arch::irqs_on()) return;
    while (need_resched()) {
        sched::schedule_once(true);
        arch::irq_enable();
    }
}

void upcall::preempt_schedule_irq() {
    while (arch::this_cpu_read(preempt_count) == 0) {
        sched::schedule_once(true);
        arch::irq_disable();
    }
}

void upcall::thread_started() {
    sched::finish_task_switch(*arch::this_cpu_read(sched::switched_from));
    preempt_enable_no_resched();
    arch::irq_enable();
}
