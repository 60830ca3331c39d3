/// Grace periods that do not end: somebody stays in a section, with preemption or interrupts off,
/// for longer than anybody should.
#pragma once

#include <atomic>

#include "lib/types.h"

namespace sched {

/// How long a grace period may take before it is reported. Linux' rcu_cpu_stall_timeout.
extern std::atomic<u64> rcu_stall_timeout_ns;

struct StallReport {
    u32 count;    // of reports since boot
    u64 cpus;     // that the last one named
    u64 took_ns;  // the grace period had lasted
};
StallReport rcu_last_stall();

/// Names the processors that have not answered, what they run, and asks them where they are; each
/// says so in its next tick, if it has interrupts on. For the grace-period thread. May sleep.
void rcu_report_stall(u64 cpus, u64 took_ns);

}  // namespace sched
