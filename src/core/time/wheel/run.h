/// What the tick does for the timer wheel.
#pragma once

#include "lib/types.h"

namespace time {

/// Raises the Timer softirq if a timer is due. From the tick, interrupts off.
void run_local_timers();

/// The tick at which this processor's first timer is due, deferrable ones left out; far beyond
/// `now` if it has none. Interrupts are off.
u64 next_timer_tick(u64 now);

}  // namespace time
