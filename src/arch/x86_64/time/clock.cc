// Measuring the time stamp counter and the local APIC timer against a clock whose rate is known:
// the HPET tells its own, the ACPI timer runs at 3.579545 MHz, the PIT at 1.193182 MHz.
//
// Reading: ns = (tsc - start) * mult >> 32. The multiplier is computed once; the product of two
// 64-bit numbers is taken in 128 bits, so it never overflows.

#include "arch/clock.h"

#include "arch/apic.h"
#include "arch/boot_info.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/x86_64/time/reference.h"

namespace arch {

namespace {

constinit u64 tsc_start = 0;       // when the kernel was entered
constinit u64 ns_per_tick_32 = 0;  // nanoseconds per TSC tick, 32 fraction bits
constinit u64 tsc_rate_hz = 0;
constinit u64 apic_rate_khz = 0;
constinit const char* reference_name = "none";

u64 mul_shift_32(u64 a, u64 b) { return u64((unsigned __int128){a} * b >> 32); }

/// The three clocks at one moment.
struct Moment {
    u64 reference, tsc;
    u32 apic;
};

/// A read of the reference clock takes long, and an emulator may be held up in it: of several tries
/// the shortest is the one whose TSC value is the nearest to the truth.
Moment take_moment(ReferenceClock& reference) {
    Moment best{};
    u64 shortest = ~u64{0};
    for (unsigned tries = 0; tries < 5; tries++) {
        const u64 before = rdtsc();
        const u64 now = reference.read();
        const u32 apic = apic_timer_read();
        const u64 took = rdtsc() - before;
        if (took >= shortest) continue;
        shortest = took;
        best = {now, before + took / 2, apic};
    }
    return best;
}

/// How far the TSC and the APIC timer run while the reference clock measures `ns`.
struct Measured {
    u64 ns, tsc, apic;
};
Measured measure(ReferenceClock& reference, u64 ns) {
    apic_timer_set(~0u);
    const Moment begin = take_moment(reference);
    while (reference.to_ns(reference.read() - begin.reference) < ns) cpu_relax();
    const Moment end = take_moment(reference);
    apic_timer_set(0);
    return {reference.to_ns(end.reference - begin.reference), end.tsc - begin.tsc,
            u64{begin.apic - end.apic}};
}

}  // namespace

void clock_init() {
    constexpr u64 kNsPerSec = 1'000'000'000;
    const bool irqs = irq_save();
    ReferenceClock reference = find_reference_clock();
    reference_name = reference.name;
    const Measured m = measure(reference, 2'000'000);
    irq_restore(irqs);

    tsc_rate_hz = mul_div(m.tsc, kNsPerSec, m.ns);
    ns_per_tick_32 = mul_div(kNsPerSec, u64{1} << 32, tsc_rate_hz);
    apic_rate_khz = m.apic * 1'000'000 / m.ns;
}

void clock_note_entry() { tsc_start = rdtsc(); }

u64 clock_ns() {
    if (ns_per_tick_32 == 0) return 0;
    return mul_shift_32(rdtsc() - tsc_start, ns_per_tick_32);
}
u64 tsc_hz() { return tsc_rate_hz; }
u64 tsc_khz() { return tsc_rate_hz / 1000; }
u64 apic_timer_khz() { return apic_rate_khz; }
const char* clock_reference() { return reference_name; }

void delay_us(u64 us) {
    if (ns_per_tick_32 == 0) {
        for (u64 i = 0; i < us; i++) inb(0x80);  // about 1 us each on the ISA bus
        return;
    }
    const u64 end = clock_ns() + us * 1000;
    while (clock_ns() < end) cpu_relax();
}

}  // namespace arch
