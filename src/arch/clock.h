/// The machine's clocks: the time stamp counter as the one that is read, the HPET, the ACPI timer
/// or the PIT as the ones it is measured against, and the CMOS clock for the date.
#pragma once

#include "lib/types.h"

namespace arch {

// --- the time stamp counter ---------------------------------------------------------------------

/// Measures the TSC and the local APIC timer. Boot processor, once, after the APIC is mapped.
void clock_init();

/// The very first thing: time counts from here.
void clock_note_entry();

/// Nanoseconds since clock_note_entry(), from the TSC at its measured rate; 0 before clock_init().
/// Any context, NMIs included: the clock of the log and of trace records. The kernel's time is
/// time::now_ns().
u64 clock_ns();

/// As measured.
u64 tsc_hz();
u64 tsc_khz();

/// How fast the local APIC's timer counts, as measured by clock_init().
u64 apic_timer_khz();

/// What the TSC was measured against: "hpet", "acpi_pm" or "pit".
const char* clock_reference();

// --- the HPET -----------------------------------------------------------------------------------

struct HpetInfo {
    u64 period_fs;          // of its counter
    unsigned timers;        // comparators
    bool has_legacy_route;  // comparator 0 can take the PIT's place on line 0
};

/// Takes over the mapped registers of the HPET, if the machine has one. Before clock_init(). False:
/// it does not answer, claims an impossible rate, or does not count; it is then not used.
bool hpet_init(volatile void* registers);

/// Null: there is none to be used.
const HpetInfo* hpet_info();

/// The low half of its counter.
u32 hpet_read();

// Comparator 0 as an alarm on line 0: takes the line over; interrupts every so many ticks, or when
// it was set.
void hpet_event_route(bool on);
void hpet_event_periodic(u32 ticks);
void hpet_event_oneshot();
/// False: the moment may have passed before the comparator knew.
bool hpet_event_set(u32 ticks);
void hpet_event_stop();

// --- the ACPI power management timer, and the PIT -----------------------------------------------

inline constexpr u64 kPmTimerHz = 3'579'545, kPitHz = 1'193'182;

/// 0: there is none.
u32 pm_timer_mask();
u32 pm_timer_read();

/// Starts the channel that pit_read() reads: 16 bits. A read is several port accesses: callers take
/// turns.
void pit_start();
u32 pit_read();

// Channel 0 as an alarm on line 0.
void pit_event_periodic(u16 ticks);
void pit_event_oneshot();
void pit_event_set(u16 ticks);
void pit_event_stop();

// --- the rest -----------------------------------------------------------------------------------

/// Seconds since 1970 from the CMOS clock, taken as UTC.
u64 read_cmos_seconds();

/// Spins for some microseconds, on the reference clock before clock_init().
void delay_us(u64 us);

}  // namespace arch
