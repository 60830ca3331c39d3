/// The hardware that core/time has drivers for. Private to core/time and to the boot.
#pragma once

namespace time {

/// Registers this processor's local APIC timer as a clock event device. On each processor, after
/// the clocks were measured; interrupts are off.
void register_lapic_timer();

}  // namespace time
