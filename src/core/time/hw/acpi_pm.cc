// The ACPI power management timer as a clock source: slow to read and slow to count, but every PC
// has one. Linux: drivers/clocksource/acpi_pm.c.

#include "arch/clock.h"
#include "core/time/clocksource.h"
#include "core/time/hw/hw.h"

namespace time {

namespace {

u64 read_pm_timer() { return arch::pm_timer_read(); }

constinit Clocksource pm_timer{
    .name = "acpi_pm", .rating = 200, .flags = kClockContinuous, .read = read_pm_timer, .mask = 0};

}  // namespace

void register_pm_timer() {
    pm_timer.mask = arch::pm_timer_mask();
    if (pm_timer.mask != 0) (void)clocksource_register_hz(pm_timer, arch::kPmTimerHz).ok();
}

}  // namespace time
