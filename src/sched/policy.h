/// Which class a task belongs to, and with what numbers. Linux: kernel/sched/core.c
/// (__sched_setscheduler), kernel/sched/syscalls.c.
#pragma once

#include "lib/result.h"
#include "sched/class/dl_rq.h"

namespace sched {

/// What sched_setscheduler(2) and sched_setattr(2) say.
struct SchedParams {
    u32 policy = 0;  // SCHED_*
    bool reset_on_fork = false;
    i32 nice = 0;         // fair policies
    u32 rt_priority = 0;  // SCHED_FIFO, SCHED_RR: 1 … 99
    DlParams dl = {};     // SCHED_DEADLINE
};

/// SCHED_FIFO or SCHED_RR; SCHED_OTHER, SCHED_BATCH or SCHED_IDLE.
bool is_rt_policy(u32 policy);
bool is_fair_policy(u32 policy);

/// A known policy, and numbers that go with it. See: sched_setattr(2).
bool is_valid(const SchedParams& params);

/// Sets all of it at once. EINVAL: not valid. EBUSY: more than there is for deadline tasks. EPERM:
/// a deadline task that may not use all processors, or one of the stop class. ENOMEM. Rights are
/// the caller's to check. Process context, no locks.
Result<void> set_scheduler(Task& task, const SchedParams& params);

/// What it is now.
SchedParams get_scheduler(const Task& task);

/// The priority that counts now, with what others lend. Any context; takes its run queue's lock.
i32 effective_prio(const Task& task);

/// Lends `task` a priority, if it is more urgent than its own; kMaxPrio takes it back. For who
/// holds a lock that somebody more urgent waits for. Any context; takes its run queue's lock.
/// Linux: rt_mutex_setprio().
void set_boost(Task& task, i32 prio);

/// sched_rr_get_interval(2), ns.
u64 rr_interval(const Task& task);

/// For how long a task of the real-time class, an own or a borrowed one, has run since it last woke
/// up, in ns; 0 for others. Any context; takes its run queue's lock.
u64 rt_awake_ns(const Task& task);

/// Real-time and deadline tasks may use `runtime_ns` of each `period_ns`, on each processor; all of
/// it if it is negative. EINVAL if it is more than the period; EBUSY if deadline tasks have been
/// promised more. Linux: sched_rt_handler().
Result<void> set_rt_bandwidth(u64 period_ns, i64 runtime_ns);

/// A task in no queue: derives class, weight and priority from its policy and its numbers.
void init_priority(Task& task);

/// The task ends: what the deadline class has promised it is free again. Called by itself.
void leave_classes(Task& task);

}  // namespace sched
