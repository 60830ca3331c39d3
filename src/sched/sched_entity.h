/// What the fair scheduler knows of a task. Linux' struct sched_entity.
#pragma once

#include "lib/types.h"

namespace sched {

struct SchedEntity {
    u64 vruntime = 0;               // weighted run time, ns
    u64 exec_start = 0;             // when the current stretch began
    u64 sum_exec_runtime = 0;       // total, ns
    u64 prev_sum_exec_runtime = 0;  // total when it was last picked
    u32 weight = 1024;              // from the nice value: sched/weight.h
    bool in_tree = false;           // ready, but not running
};

}  // namespace sched
