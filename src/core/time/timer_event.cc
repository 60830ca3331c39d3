// Aiming the local timer, who hears of its interrupts, and the boot.

#include "core/time/timer_interrupt.h"

#include "core/softirq/softirq.h"
#include "core/time/clockevents.h"
#include "core/time/hrtimer_base.h"
#include "core/time/hw/hw.h"
#include "core/time/tick/tick.h"
#include "core/time/tick/tick_interrupt.h"
#include "core/time/timer.h"

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

/// Runs what is due, and aims at what is next.
static void timer_interrupt(ClockEventDevice&) {
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    if (base.high_resolution) [[likely]] {
        base.interrupt();
    } else {
        tick_interrupt();
    }
}

static void run_soft_timers() { this_cpu(hrtimer_cpu_base).run_soft(); }

void init_hrtimers() {
    for_each_cpu(possible_cpus, [](unsigned cpu) { per_cpu(hrtimer_cpu_base, cpu).init(cpu); });
    clock_set_count.fetch_add(1, std::memory_order_release);  // the first offsets
    init_timers();
    init_ticks();
    softirq::open(SoftIrq::HrTimer, run_soft_timers);
    clockevents_set_handler(timer_interrupt);
}

void init_hrtimers_cpu() {
    register_lapic_timer();
    start_tick();
}

}  // namespace time
