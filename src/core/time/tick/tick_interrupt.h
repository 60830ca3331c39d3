/// The local timer's interrupt while this processor is not in high resolution.
#pragma once

namespace time {

/// Ticks, runs the HrTimers that are due, and aims at the next tick; or switches to high
/// resolution. Interrupts are off.
void tick_interrupt();

}  // namespace time
