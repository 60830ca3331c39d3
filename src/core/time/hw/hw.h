/// The hardware that core/time has drivers for. Private to core/time and to the boot.
///
/// All of these are called with interrupts off, after the clocks were measured; those that register
/// a source or device which the machine does not have do nothing.
#pragma once

namespace time {

/// Registers this processor's local APIC timer as a clock event device. On each processor.
void register_lapic_timer();

// Boot processor, once.
void register_tsc();       // clock source
void register_hpet();      // clock source, and clock event device on line 0
void register_pm_timer();  // clock source
void register_pit();       // both; for machines without HPET

}  // namespace time
