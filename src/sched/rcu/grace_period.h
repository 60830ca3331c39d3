/// The thread that runs the grace periods (rcu_sched), and those who wait for them.
#pragma once

#include "lib/types.h"

namespace sched {

struct Task;

/// Starts the thread. Boot, once kernel threads can be.
void rcu_init();
void rcu_init_expedited();

/// The thread; it never ends. Null before.
Task* rcu_thread();

/// Waits until `sequence` (core/rcu/sequence.h) is reached, and sees to it that it will be. May
/// sleep.
void rcu_wait_for(u64 sequence);

/// Expedited grace periods since boot.
u64 rcu_expedited_periods();

}  // namespace sched
