// LAB FILE (03-scheduling): who runs next on this processor. Linux: kernel/sched/core.c.
//
// schedule() is called by a task that cannot go on; the kernel calls for it where the running task
// has had its share. The switch itself, and the steps around it: context_switch.cc.

#include "arch/upcalls.h"
#include "core/rcu/quiescent.h"
#include "lib/lab.h"
#include "sched/context_switch.h"

namespace sched {

/// LAB scheduling, task 2 "Schedule" (handouts/03-scheduling.md). Write the body.
///   Before  `task` runs here and has called schedule(), or is `preempted`. `rq` is locked, time is
///           charged.
///   After   one of three. 1. It sleeps: its state is not kRunning, nobody preempted it, and no
///           signal ends that sleep; the run queue has deactivated it. If a signal does, its state
///           is kRunning. 2. It must leave this processor (moves_now, or cpus_allowed without
///           rq.cpu; never the idle task): deactivated, and to be moved after the switch. 3. It is
///           ready and waits: put_prev().
///   Use     signal_ends_sleep(), rq.deactivate_current(), rq.put_prev(), move_after_switch().
///   Check   `make grade LAB=scheduling T=schedule`
///   Think   a task sets its state to kInterruptible and is preempted before it calls schedule().
///           Why must it not be taken off the queue?
[[maybe_unused]] static void put_away(RunQueue& rq, Task& task, bool preempted) NO_LOCK_ANALYSIS {
#ifdef SOLVED_SCHEDULING
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
        move_after_switch(task);
        return;
    }
    rq.put_prev(task);
#else
    lab_todo("scheduling", "put_away");
#endif
}

/// The best task of this processor. If nobody is ready, one that waits elsewhere, else the idle
/// task. `rq` is locked, but not all the time.
[[maybe_unused]] static Task& choose(RunQueue& rq) NO_LOCK_ANALYSIS {
    if (Task* task = rq.pick_next()) return *task;
    rq.lock.unlock();
    pull_task(rq);
    rq.lock.lock();
    // Without the lock somebody may have woken up here, too.
    Task* const task = rq.pick_next();
    return task != nullptr ? *task : *rq.idle;
}

/// LAB scheduling, task 2 "Schedule" (handouts/03-scheduling.md). Write the body.
///   Before  interrupts are on or off, no run queue is locked.
///   After   the best ready task has run, and the caller runs again; interrupts are off, preemption
///           is allowed as before. On the way, with preemption and interrupts off: RCU was told
///           (rcu::note_context_switch()); what is urgent elsewhere was fetched, if
///           urgent_tasks_wait(); with rq.lock held the running task was charged, put away, another
///           one chosen, and need_resched cleared. If it is another, the processor was switched,
///           and the switch finished: that unlocks. If it is the same, only the lock was released.
///   Use     this_rq(), fetch_urgent_task(), rq.update_curr(), put_away(), choose(),
///           clear_need_resched(), context_switch(), finish_task_switch().
///   Check   `make grade LAB=scheduling T=schedule`
///   Think   behind context_switch(), which locals still mean what they meant before?
void schedule_once(bool preempted) NO_LOCK_ANALYSIS {
#ifdef SOLVED_SCHEDULING
    preempt_disable();
    arch::irq_disable();
    rcu::note_context_switch();
    RunQueue& rq = this_rq();
    Task& from = current();
    if (urgent_tasks_wait()) [[unlikely]] {
        fetch_urgent_task(rq, from, preempted);
    }
    rq.lock.lock();
    rq.schedules++;
    rq.update_curr();
    put_away(rq, from, preempted);
    Task& to = choose(rq);
    clear_need_resched();
    if (&to != &from) {
        context_switch(rq, from, to, preempted);
        finish_task_switch();
    } else {
        rq.lock.unlock();
    }
    preempt_enable_no_resched();
#else
    lab_todo("scheduling", "schedule_once");
#endif
}

}  // namespace sched

void upcall::preempt_schedule() {
    if (preempt_depth() != 0 || !arch::irqs_on()) return;
    while (need_resched()) {
        sched::schedule_once(true);
        arch::irq_enable();
    }
}

/// LAB scheduling, task 2 "Schedule" (handouts/03-scheduling.md). Write the body.
///   Before  an interrupt has done its work and is about to return into the kernel; interrupts are
///           off. The per-CPU word `preempt_count` is 0 if, and only if, preemption is allowed here
///           and somebody has asked for another task.
///   After   it is not 0 any more: better tasks have run, as often as that was asked for.
///           Interrupts are off.
///   Use     arch::this_cpu_read(preempt_count), sched::schedule_once().
///   Check   `make grade LAB=scheduling T=preempts`
///   Think   why is one schedule_once() not enough?
void upcall::preempt_schedule_irq() {
#ifdef SOLVED_SCHEDULING
    while (arch::this_cpu_read(preempt_count) == 0) {
        sched::schedule_once(true);
        arch::irq_disable();
    }
#else
    lab_todo("scheduling", "preempt_schedule_irq");
#endif
}
