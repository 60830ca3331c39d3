// The interrupt of the local timer.

#include "core/time/timer_interrupt.h"

#include "core/time/clockevents.h"
#include "core/time/hrtimer_base.h"
#include "core/time/hw/hw.h"

namespace time {

bool try_program_timer_event(u64 at_ns) {
    if (at_ns != kTimeMax) return clockevents_program_event(at_ns, false);
    clockevents_stop_event();
    return true;
}

void program_timer_event(u64 at_ns) {
    if (at_ns != kTimeMax) {
        clockevents_program_event(at_ns, true);
    } else {
        clockevents_stop_event();
    }
}

void raise_hrtimer_softirq() { this_cpu(hrtimer_cpu_base).soft_is_due = true; }

/// Runs what is due, and aims at what is next.
static void timer_interrupt(ClockEventDevice&) {
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    base.interrupt();
    if (base.soft_is_due) [[unlikely]] {
        base.soft_is_due = false;
        base.run_soft();
    }
}

void init_hrtimers() {
    for_each_cpu(possible_cpus, [](unsigned cpu) { per_cpu(hrtimer_cpu_base, cpu).init(cpu); });
    clock_set_count.fetch_add(1, std::memory_order_release);  // the first offsets
    clockevents_set_handler(timer_interrupt);
}

void init_hrtimers_cpu() { register_lapic_timer(); }

}  // namespace time
