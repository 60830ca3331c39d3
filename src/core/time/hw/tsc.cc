// The time stamp counter as a clock source: the cheapest to read, and the only one that programs
// can read themselves; but nothing promises that it runs evenly, unless CPUID does. Linux:
// arch/x86/kernel/tsc.c.

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "core/log/printk.h"
#include "core/time/clocksource.h"
#include "core/time/hw/hw.h"

namespace time {

namespace {

constinit Clocksource tsc{.name = "tsc",
                          .rating = 300,
                          .flags = kClockContinuous | kClockMustVerify | kClockUserReadable,
                          .read = arch::rdtsc_ordered,
                          .mask = ~u64{0}};

}  // namespace

void register_tsc() {
    if (arch::cpu_features.invariant_tsc || clock_options.tsc_reliable) {
        tsc.flags &= ~kClockMustVerify;
    }
    (void)clocksource_register_hz(tsc, arch::tsc_hz()).ok();
    if (clock_options.no_tsc) {
        printk("tsc: Marking TSC unstable due to notsc");
        clocksource_mark_unstable(tsc);
    }
}

}  // namespace time
