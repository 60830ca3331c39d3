/// The fair class' part of a run queue. Linux' struct cfs_rq.
///
/// Fairness is a matter of bookkeeping: every task has a virtual run time that advances while it
/// runs, the slower the greater its weight; the waiting task with the least virtual run time runs
/// next. The tree holds the tasks that wait, but not the one that runs.
///
/// Invariants: 1. nr_running counts the tasks in the tree and the running one, if it is fair.
/// 2. load is the sum of their weights. 3. min_vruntime never decreases, and no ready task lies far
/// below it.
#pragma once

#include "sched/class/timeline.h"

namespace sched {

struct CfsRq {
    u32 nr_running = 0;
    u32 nr_idle_policy = 0;  // of these, how many are SCHED_IDLE
    u64 load = 0;
    u64 min_vruntime = 0;
    Timeline tree;
};

/// The weight of a nice value: each step is about 10 % of processor time between two tasks.
u32 weight_of_nice(int nice);

/// The weight of a task: its nice value's, or next to nothing for SCHED_IDLE.
u32 weight_of(u32 policy, int nice);

}  // namespace sched
