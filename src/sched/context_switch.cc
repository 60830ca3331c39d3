// schedule() around the choice, and the switch itself. Linux: kernel/sched/core.c (schedule,
// context_switch, finish_task_switch).

#include "sched/context_switch.h"

#include "core/log/panic.h"
#include "core/percpu/percpu.h"
#include "sched/policy.h"
#include "sched/sched_trace.h"
#include "sched/workqueue/internal.h"

namespace sched {

PER_CPU Task* current_task = nullptr;
void (*switch_mm_hook)(Task& previous, Task& next) = nullptr;

namespace {

PER_CPU Task* switched_from = nullptr;  // who ran before the task that runs now
PER_CPU u32 previous_is_dead = 0;       // and will never run again
PER_CPU Task* to_migrate = nullptr;     // and must go to another processor

/// What waits elsewhere must be more urgent than that to be worth fetching: what will run here.
/// A guess without the lock.
i32 least_urgent_bound(const RunQueue& rq, const Task& from, bool preempted) {
    const bool stays = preempted || from.state.load(std::memory_order_relaxed) == kRunning;
    const i32 waiting = rq.waiting_prio.load(std::memory_order_relaxed);
    return std::min(std::min(stays ? from.prio : kIdlePrio, waiting), kMaxRtPrio);
}

}  // namespace

void clear_need_resched() {
    arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) | kNoReschedNeeded);
}

void fetch_urgent_task(RunQueue& rq, const Task& from, bool preempted) {
    pull_urgent_task(rq, least_urgent_bound(rq, from, preempted));
}

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
    if (from.mempolicy.now || to.mempolicy.now) [[unlikely]] {
        mm::follow_policy(to.mempolicy);
    }
    arch::this_cpu_write(trace::current_pid, u32(to.pid));
    arch::this_cpu_write(switched_from, &from);
    arch::switch_to(from.arch, to.arch, static_cast<u8*>(to.stack) + kKernelStackSize);
}

void move_after_switch(Task& task) {
    task.is_moving = true;
    arch::this_cpu_write(to_migrate, &task);
}

void finish_task_switch() NO_LOCK_ANALYSIS {
    Task& previous = *arch::this_cpu_read(switched_from);
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

}  // namespace sched

void upcall::thread_started() {
    sched::finish_task_switch();
    preempt_enable_no_resched();
    arch::irq_enable();
}
