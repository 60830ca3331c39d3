/// RunQueue: the tasks that are ready to run on one processor, and the one that runs.
/// Linux' struct rq.
///
/// The parts of the classes are in class/; a run queue knows which class a task belongs to, asks
/// the classes in their order, and keeps what they have in common: the clock, who runs, how many
/// are ready.
///
/// Invariants (guarded by `lock`): 1. nr_running counts the ready tasks, without the idle task and
/// without parked deadline tasks. 2. A ready task waits in its class' structure, or is `current`.
#pragma once

#include "core/lock/spin_lock.h"
#include "sched/class/cfs_rq.h"
#include "sched/class/dl_rq.h"
#include "sched/class/rt_rq.h"
#include "sched/sched.h"
#include "sched/sched_class.h"

namespace sched {

struct RunQueue {
    RunQueue();

    SpinLock lock{"run_queue", LockRank::RunQueue};
    u32 cpu = 0;

    // Guarded by lock; `nr_running` and `current` are also read without it, as a hint.
    u32 nr_running = 0;
    CfsRq cfs;
    RtRq rt;
    DlRq dl;
    Task* stop_waits = nullptr;  // the stop class' task, if it is ready
    Task* current = nullptr;
    Task* idle = nullptr;
    u64 clock = 0;  // monotonic time of the last update_curr(), ns
    u64 switches = 0;
    u64 schedules = 0, idle_switches = 0;  // calls of schedule(), and how many ended in idling
    u64 yields = 0, wakeups = 0, local_wakeups = 0, balanced = 0;  // for /proc/schedstat
    u64 run_delay_ns = 0, pcount = 0;                              // sums of SchedInfo
    // Tasks that fell asleep here in state D, less those that woke up here out of it.
    i64 uninterruptible = 0;

    // Written under lock, read without it by who looks for a processor.
    std::atomic<i32> current_prio{kIdlePrio};  // of whom runs
    std::atomic<i32> waiting_prio{kIdlePrio};  // the most urgent of those that wait, if < 100

    // This processor's own.
    u64 idle_since_ns = 0;  // while idle
    u64 user_ns = 0, nice_ns = 0, system_ns = 0, idle_ns = 0;
    u64 last_interrupt_ns = 0;  // time in interrupts and softirqs, when time was last charged
    u64 last_tick_ns = 0;
    u64 next_balance_ns = 0;
    time::HrTimer budget_timer;  // goes off when the running deadline task has used its runtime

    /// Charges the running task for the time since the last call.
    void update_curr() REQUIRES(lock);
    /// Makes a task ready; it waits. `why` decides its place.
    void enqueue(Task& task, Why why) REQUIRES(lock);
    /// Takes a ready task that waits out.
    void dequeue(Task& task) REQUIRES(lock);
    /// The best task of all classes stops waiting; null if there is none.
    Task* pick_next() REQUIRES(lock);
    /// The running task waits again.
    void put_prev(Task& task) REQUIRES(lock);
    /// The running task stops being ready.
    void deactivate_current(Task& task) REQUIRES(lock);
    /// True if the running task has had its share. Called by each tick.
    bool slice_is_over() REQUIRES(lock);
    /// True if `woken` should run at once rather than wait.
    bool should_preempt(const Task& woken) REQUIRES(lock);
    /// Somebody of the real-time or deadline class waits.
    bool has_urgent_waiting() const REQUIRES(lock) { return rt.has_waiting() || !dl.tree.empty(); }
    /// Brings `waiting_prio` up to date, after urgent tasks have come or gone.
    void note_waiting() REQUIRES(lock);

    /// The idle task gets the processor, or gives it up: the tick stops and starts with that.
    void enter_idle() REQUIRES(lock);
    void leave_idle() REQUIRES(lock);
    /// How much of `delta`, the time that is now to be charged, softirqs have used.
    u64 interrupt_part(u64 delta) REQUIRES(lock);
};

/// Tasks that sleep in state D: as far as the load goes, they are busy. A hint.
u64 nr_uninterruptible();

/// This processor's; and somebody's.
RunQueue& this_rq();
RunQueue& cpu_rq(unsigned cpu);

/// The class of a task. Stable under its run queue's lock.
inline const SchedClass& class_of(const Task& task) { return *classes[unsigned(task.sched_class)]; }

/// Holds the lock of the run queue that a task is on or was last on, wherever it moves meanwhile.
class TaskRqGuard {
public:
    explicit TaskRqGuard(const Task& task);
    ~TaskRqGuard();
    TaskRqGuard(const TaskRqGuard&) = delete;
    RunQueue& rq() const { return *rq_; }

private:
    RunQueue* rq_;
    const bool irqs_were_on_;
};

/// One tick on this processor, in its interrupt: charges the running task, looks for due timers,
/// and so on. `keeper`: this tick counts for the whole system. Linux: update_process_times().
void update_process_times(u64 now_ns, bool keeper);

/// Asks the processor of `rq` to look for a better task soon.
void resched_curr(RunQueue& rq);

/// Holds two run queues, the one with the lower number first, so that two processors that want
/// the same two never wait for each other.
class DoubleRunQueueGuard {
public:
    DoubleRunQueueGuard(RunQueue& a, RunQueue& b);
    ~DoubleRunQueueGuard();
    DoubleRunQueueGuard(const DoubleRunQueueGuard&) = delete;

private:
    RunQueue& first_;
    RunQueue& second_;
    const bool irqs_were_on_;
};

/// Some processor has real-time or deadline tasks that wait. A hint.
bool urgent_tasks_wait();

/// Chooses the processor on which a task that wakes up or is born should run.
unsigned select_task_rq(const Task& task, bool is_new);

/// True if one of the allowed processors has nothing to do. A hint.
bool has_idle_cpu(u64 allowed);

/// This processor has more ready tasks than it can run: makes an idle one look for work.
void kick_idle_cpu();

/// This processor has nothing to do: takes a ready task from the one that has most. Called with
/// no run queue locked. True if there is one now.
bool pull_task(RunQueue& here);

/// Of a task that waits in a locked queue: it may run on `to`, and its last processor has let go of
/// it.
inline bool can_migrate(const Task& task, unsigned to) {
    return (task.cpus_allowed >> to & 1) && !task.on_cpu.load(std::memory_order_acquire);
}

/// Called by each tick, interrupts off: now and then it raises the softirq that calls rebalance(),
/// which takes tasks from the most loaded processor to this one.
void note_balance_is_due(RunQueue& rq, u64 now);
void rebalance();

/// A task that is in no queue will be in that of `to`, which is locked: its vruntime counts from
/// there, and the move is counted and traced. Nothing happens if that is where it is.
void set_task_cpu(Task& task, const RunQueue& to);

/// Moves a waiting task from one locked queue to another.
void move_task(RunQueue& from, RunQueue& to, Task& task);
/// Makes a task ready that was just taken off a processor which it may not use (is_moving), on one
/// that it may; nothing to do if a wake-up has. No run queue is locked, nor its wake_lock.
void move_elsewhere(Task& task);

/// Real-time and deadline tasks that wait here and could run elsewhere are sent there. Called with
/// no run queue locked, preemption off. Linux: push_rt_tasks().
void push_urgent_tasks(RunQueue& here);
/// This processor is about to run something less urgent than `prio`: takes what waits elsewhere
/// and is more urgent. No run queue locked. True if something came. Linux: pull_rt_task().
bool pull_urgent_task(RunQueue& here, i32 prio);
/// Where a real-time or deadline task that becomes ready should run.
unsigned select_urgent_rq(const Task& task);

}  // namespace sched
