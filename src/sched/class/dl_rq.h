/// The deadline class: tasks that need `runtime` in every `period`, by `deadline` after its begin.
/// Linux' struct dl_rq and sched_dl_entity; kernel/sched/deadline.c.
///
/// The task whose deadline comes first runs (EDF). What one has used up beyond its runtime it may
/// not take from others (constant bandwidth server): it is throttled until its next period begins.
/// Admission control keeps the sum of all promises below what there is (dl_bandwidth.cc).
///
/// A throttled task is ready in the eyes of everybody else (on_rq, waits), but parked: it is in no
/// tree and not counted in nr_running, until its timer goes off.
#pragma once

#include "core/time/hrtimer.h"
#include "lib/rbtree.h"
#include "sched/task.h"

namespace sched {

/// What a task has asked for; all in ns. sched_setattr(2) checks the order.
struct DlParams {
    u64 runtime = 0, deadline = 0, period = 0;
    u64 flags = 0;  // SCHED_FLAG_*
};

struct DlEntity {
    DlEntity(Task& owner, time::HrTimer::Function expired) : timer(expired), task(owner) {}

    time::HrTimer timer;  // the begin of the next period; first, so that its callback finds us
    Task& task;
    DlParams params;            // (rq)
    i64 runtime_left = 0;       // (rq) of this period; may be negative
    u64 absolute_deadline = 0;  // (rq) monotonic
    bool throttled = false;     // (rq) the timer will replenish it
    bool parked = false;        // (rq) ready, but throttled
    bool yielded = false;       // (rq) wants nothing more in this period
    bool overrun = false;       // (rq) has used more than its runtime, and wants to hear of it
};

struct ByDeadline {
    bool operator()(const Task& a, const Task& b) const {
        return i64(a.dl->absolute_deadline - b.dl->absolute_deadline) < 0;
    }
};

struct DlRq {
    u32 nr_running = 0;
    RbTree<Task, &Task::run_node, ByDeadline> tree;
};

/// Tells a task with SCHED_FLAG_DL_OVERRUN, when its next period begins, that it used up the
/// runtime of the last one. Interrupt context, no locks. Null until process/ sets it.
extern void (*dl_overrun_hook)(Task& task);

/// Makes sure that the task has a DlEntity. ENOMEM. Process context.
Result<void> dl_prepare(Task& task);
/// Frees it; its timer is waited for. The task is of another class.
void dl_destroy(Task& task);

/// The share of a processor that those numbers (valid ones) ask for; 2^20 is all of it.
u64 dl_bandwidth(const DlParams& params);
/// Takes `bandwidth` from what is left of the system's, and gives `old` back. EBUSY if there is not
/// that much.
Result<void> dl_reserve(u64 bandwidth, u64 old);
void dl_release(u64 bandwidth);

}  // namespace sched
