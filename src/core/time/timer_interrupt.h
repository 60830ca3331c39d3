/// Between the queues and the hardware: aiming the local timer, and its interrupt.
#pragma once

#include "lib/types.h"

namespace time {

struct ClockEventDevice;

/// The interrupt at kTimerVector: acknowledges it and tells the device's user. Interrupts are off.
void local_timer_interrupt(ClockEventDevice& device);

/// Makes the local timer interrupt at `at_ns` on the monotonic clock, at once if that has passed;
/// kTimeMax: not at all. Interrupts are off.
void program_timer_event(u64 at_ns);
/// As program_timer_event(), but false, and nothing done, if that time has come.
bool try_program_timer_event(u64 at_ns);

}  // namespace time
