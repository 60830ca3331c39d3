/// The machine's clocks: the time stamp counter as the one that is read, the HPET, the ACPI timer
/// or the PIT as the ones it is measured against, the CMOS clock for the date, and the local
/// APIC's timer as the alarm.
#pragma once

#include "lib/types.h"

namespace arch {

/// Hands over the mapped registers of the HPET, if the machine has one. Before clock_init().
void hpet_init(volatile void* registers);

/// Measures the TSC and the local APIC timer. Boot processor, once, after the APIC is mapped.
void clock_init();

/// The very first thing: time counts from here.
void clock_note_entry();

/// Nanoseconds since clock_note_entry(), from the TSC; 0 before clock_init(). Any context.
u64 clock_ns();

u64 tsc_khz();

/// What the TSC was measured against: "hpet", "acpi_pm" or "pit".
const char* clock_reference();

/// Seconds since 1970 from the CMOS clock, taken as UTC.
u64 read_cmos_seconds();

/// How fast the local APIC's timer counts, as measured by clock_init().
u64 apic_timer_khz();

/// Spins for some microseconds, on the reference clock before clock_init().
void delay_us(u64 us);

}  // namespace arch
