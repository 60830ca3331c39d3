/// Line 0, the timer interrupt of old: HPET or PIT raise it, whichever is in use.
#pragma once

#include "core/time/clockevents.h"

namespace time {

/// Sends the interrupts of line 0 to `device` from now on.
void connect_line0(ClockEventDevice& device);

}  // namespace time
