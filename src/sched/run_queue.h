/// RunQueue: the tasks that are ready to run on one processor, and the one that runs.
/// Linux' struct rq, with its struct cfs_rq.
///
/// Fairness is a matter of bookkeeping: every task has a virtual run time that advances while it
/// runs, the slower the greater its weight; the ready task with the least virtual run time runs
/// next. The tree holds the ready tasks but not the running one.
///
/// Invariants (guarded by `lock`): 1. nr_running counts the tasks in the tree and, unless it is
/// the idle task, the running one. 2. load is the sum of their weights. 3. min_vruntime never
/// decreases, and no ready task lies far below it.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/rbtree.h"
#include "sched/sched.h"

namespace sched {

/// Tunables of the fair scheduler; Linux' sched_latency_ns and relatives, for one processor.
inline constexpr u64 kLatencyNs = 6'000'000;
inline constexpr u64 kMinGranularityNs = 750'000;
inline constexpr u64 kWakeupGranularityNs = 1'000'000;

struct ByVruntime {
    bool operator()(const Task& a, const Task& b) const {
        return i64(a.se.vruntime - b.se.vruntime) < 0;
    }
};

struct RunQueue {
    SpinLock lock{"run_queue", LockRank::RunQueue};
    u32 cpu = 0;

    // Guarded by lock; `nr_running` and `current` are also read without it, as a hint.
    u32 nr_running = 0;
    u64 load = 0;
    u64 min_vruntime = 0;
    RbTree<Task, &Task::run_node, ByVruntime> tree;
    Task* current = nullptr;
    Task* idle = nullptr;
    u64 switches = 0;

    // This processor's own.
    u64 idle_since_ns = 0;  // while idle
    u64 user_ns = 0, system_ns = 0, idle_ns = 0;
    u64 last_interrupt_ns = 0;  // time in interrupts and softirqs, when time was last charged
    u64 last_tick_ns = 0;

    /// Charges the running task for the time since the last call.
    void update_curr() REQUIRES(lock);
    /// Makes a task ready. `flags` say why, which decides its place.
    enum Why : u8 { kWakeup, kFork, kForkFirst, kMigrate, kRequeue };
    void enqueue(Task& task, Why why) REQUIRES(lock);
    /// Takes a ready (not running) task out.
    void dequeue(Task& task) REQUIRES(lock);
    /// The task with the least virtual run time leaves the tree; null if there is none.
    Task* pick_next() REQUIRES(lock);
    /// The running task goes back into the tree.
    void put_prev(Task& task) REQUIRES(lock);
    /// The running task stops being ready.
    void deactivate_current(Task& task) REQUIRES(lock);
    /// True if the running task has had its share.
    bool slice_is_over() REQUIRES(lock);
    /// True if `woken` should run at once rather than wait for the running task's slice.
    bool should_preempt(const Task& woken) REQUIRES(lock);

    /// The idle task gets the processor, or gives it up: the tick stops and starts with that.
    void enter_idle() REQUIRES(lock);
    void leave_idle() REQUIRES(lock);
    /// How much of `delta`, the time that is now to be charged, softirqs have used.
    u64 interrupt_part(u64 delta) REQUIRES(lock);

private:
    u64 slice_of(const Task& task) const REQUIRES(lock);
    void update_min_vruntime() REQUIRES(lock);
    void place(Task& task, Why why) REQUIRES(lock);
};

/// This processor's; and somebody's.
RunQueue& this_rq();
RunQueue& cpu_rq(unsigned cpu);

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

/// Chooses the processor on which a task that wakes up or is born should run.
unsigned select_task_rq(const Task& task, bool is_new);

/// True if one of the allowed processors has nothing to do. A hint.
bool has_idle_cpu(u64 allowed);

/// This processor has more ready tasks than it can run: makes an idle one look for work.
void kick_idle_cpu();

/// This processor has nothing to do: takes a ready task from the one that has most. Called with
/// no run queue locked. True if there is one now.
bool pull_task(RunQueue& here);

/// The weight of a nice value: each step is about 10 % of processor time between two tasks.
u32 weight_of_nice(int nice);

}  // namespace sched
