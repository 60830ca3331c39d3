/// The stop class' threads: `migration/N` preempts whatever runs on processor N, does one thing
/// there, and sleeps again. Linux: kernel/stop_machine.c.
#pragma once

#include "lib/types.h"

namespace sched {

/// Starts the thread of every online processor. Boot, once.
void start_stoppers();

/// Calls `fn(arg)` on `cpu`, in a thread that nobody preempts; `fn` must not sleep. Returns when it
/// has returned; false if there is no such thread (yet): `fn` was not called. Process context, no
/// spin locks. Linux: stop_one_cpu().
bool stop_one_cpu(unsigned cpu, void (*fn)(void*), void* arg);

}  // namespace sched
