/// What an administrator may change while the system runs: /proc/sys/kernel/sched_* and
/// /sys/kernel/debug/sched. Linux: kernel/sched/{fair,rt,debug}.c.
///
/// Single words that are read where they are needed, without a lock: a change takes effect at the
/// next decision.
#pragma once

#include <atomic>

#include "lib/types.h"

namespace sched {

inline constexpr u64 kRrTimesliceNs = 100'000'000;  // at boot

struct Tunables {
    std::atomic<u64> latency_ns{6'000'000};             // within that every ready task runs once
    std::atomic<u64> min_granularity_ns{750'000};       // but no slice is shorter
    std::atomic<u64> wakeup_granularity_ns{1'000'000};  // a woken task must be that much behind
    std::atomic<u64> migration_cost_ns{500'000};        // who ran that lately has a warm cache
    std::atomic<u32> child_runs_first{1};               // after fork()
    std::atomic<u32> nr_migrate{32};                    // tasks that one balancing may move
    std::atomic<u64> rt_period_ns{1'000'000'000};       // in each such period real-time tasks may
    std::atomic<i64> rt_runtime_ns{950'000'000};       // run that long while others wait; < 0: ever
    std::atomic<u64> rr_timeslice_ns{kRrTimesliceNs};  // SCHED_RR
};

extern Tunables tunables;

inline u64 tunable(const std::atomic<u64>& value) { return value.load(std::memory_order_relaxed); }

}  // namespace sched
