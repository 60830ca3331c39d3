/// The real-time class' part of a run queue. Linux' struct rt_rq with its rt_prio_array.
///
/// One list for each priority, and a bit map of those that are not empty, so that finding the most
/// urgent task takes the same time whatever waits.
///
/// Invariants: 1. bit p is set if and only if queue[p] is not empty. 2. nr_running counts the tasks
/// in the lists and the running one, if it is of this class.
#pragma once

#include "sched/prio.h"
#include "sched/task.h"

namespace sched {

struct RtRq {
    using Queue = List<Task, &Task::rt_link>;

    u32 nr_running = 0;
    u64 waiting[2] = {};  // bit p of 128: somebody waits with priority p
    Queue queue[kMaxRtPrio];

    // Throttling (rt_bandwidth.cc).
    bool throttled = false;  // have had their share of this period
    u64 period_start_ns = 0;
    u64 ran_ns = 0;  // in this period

    bool has_waiting() const { return (waiting[0] | waiting[1]) != 0; }
    /// The most urgent priority that waits; one must.
    i32 first_prio() const {
        return waiting[0] != 0 ? __builtin_ctzll(waiting[0]) : 64 + __builtin_ctzll(waiting[1]);
    }
    void mark(i32 prio) { waiting[prio >> 6] |= u64{1} << (prio & 63); }
    void unmark(i32 prio) { waiting[prio >> 6] &= ~(u64{1} << (prio & 63)); }
};

/// Real-time tasks of this queue have just run `delta` ns until `now`. True if they must give way
/// to others now.
bool rt_charge(RunQueue& rq, u64 now, u64 delta);
/// Whether real-time tasks may run here: not throttled, or nobody else is ready.
bool rt_may_run(RunQueue& rq);

}  // namespace sched
