// Starting the clocks. See clock.h.

#include "core/time/clock.h"

#include "arch/clock.h"
#include "core/log/printk.h"
#include "core/time/clocksource.h"
#include "core/time/hw/hw.h"
#include "core/time/timekeeping.h"

namespace time {

u64 tsc_khz() { return arch::tsc_khz(); }
void delay_us(u64 us) { arch::delay_us(us); }

void init() {
    arch::clock_init();
    register_tsc();
    register_hpet();
    register_pm_timer();
    if (arch::hpet_info() == nullptr) register_pit();
    const std::string_view wanted = clock_options.clocksource;
    if (!wanted.empty() && !clocksource_override(wanted).ok()) {
        printk(Level::Warning, "clocksource=: there is no source %s", wanted);
    }
    timekeeping_set_date(arch::read_cmos_seconds() * kNsPerSec);
}

}  // namespace time
