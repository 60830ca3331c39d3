/// What the classes know of a task. Linux' struct sched_entity, sched_rt_entity, sched_info.
#pragma once

#include "lib/types.h"

namespace sched {

struct SchedEntity {
    u64 vruntime = 0;               // weighted run time, ns
    u64 exec_start = 0;             // when the current stretch began
    u64 sum_exec_runtime = 0;       // total, ns; in whatever class
    u64 prev_sum_exec_runtime = 0;  // total when it was last picked
    u32 weight = 1024;              // from nice value and policy
    u64 nr_migrations = 0;
};

struct RtEntity {
    u64 slice_used_ns = 0;     // SCHED_RR: of its turn
    u64 awake_from_ns = 0;     // sum_exec_runtime when it last woke up, or came into the class
    bool to_the_back = false;  // its turn is over: waits behind its equals, else before them
};

/// How long a task has waited for a processor. Linux' struct sched_info.
struct SchedInfo {
    u64 pcount = 0;        // how often it got one
    u64 run_delay_ns = 0;  // and what it waited for that, in sum
    u64 last_queued = 0;   // since when it waits
};

}  // namespace sched
