// The local APIC's timer as a clock event device, one for each processor: aimed at a value of the
// time stamp counter where the processor has that mode, else counting down at the measured rate.
// See: Intel SDM vol. 3, 10.5.4. Linux: arch/x86/kernel/apic/apic.c.

#include "arch/apic.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/irq/irq.h"
#include "core/percpu/percpu.h"
#include "core/time/clockevents.h"
#include "core/time/hw/hw.h"
#include "core/time/timer_interrupt.h"

namespace time {

namespace {

using arch::ApicTimerMode;

PER_CPU ClockEventDevice lapic{};

bool set_next_count(u64 ticks, ClockEventDevice&) {
    arch::apic_timer_set(u32(ticks));
    return true;
}

/// A deadline in the past fires at once, so it can never be missed.
bool set_next_deadline(u64 ticks, ClockEventDevice&) {
    arch::apic_timer_set_deadline(arch::rdtsc() + ticks);
    return true;
}

void set_count_state(ClockEventState state, ClockEventDevice&) {
    if (state == ClockEventState::Periodic) {
        arch::apic_timer_setup(ApicTimerMode::Periodic);
        arch::apic_timer_set(u32(arch::apic_timer_khz() * (kTickPeriodNs / 1'000'000)));
    } else {
        arch::apic_timer_set(0);
        arch::apic_timer_setup(state == ClockEventState::Shutdown ? ApicTimerMode::Masked
                                                                  : ApicTimerMode::OneShot);
    }
}

void set_deadline_state(ClockEventState state, ClockEventDevice&) {
    const bool masked = state == ClockEventState::Shutdown;
    arch::apic_timer_set_deadline(0);
    arch::apic_timer_setup(masked ? ApicTimerMode::Masked : ApicTimerMode::Deadline);
}

void lapic_interrupt(arch::TrapFrame&) { local_timer_interrupt(this_cpu(lapic)); }

}  // namespace

void register_lapic_timer() {
    ClockEventDevice& device = this_cpu(lapic);
    const bool always = arch::apic_timer_always_running();
    const u32 stops = always ? 0u : u32{kClockEventC3Stop};
    if (cpu_id() == 0) {
        irq::set_vector_handler(arch::kTimerVector, lapic_interrupt, "Local timer interrupts",
                                irq::Acknowledge::ByHandler);
    }
    device.irq = -1;
    device.rating = always ? 150 : 100;
    if (arch::apic_timer_has_deadline()) {
        device.name = "lapic-deadline";
        device.features = kClockEventOneshot | kClockEventPerCpu | stops;
        device.set_next_event = set_next_deadline;
        device.set_state = set_deadline_state;
        device.min_delta_ticks = 0xf;
        device.max_delta_ticks = u64{1} << 62;
        clockevents_config_and_register(device, arch::tsc_khz() * 1000);
    } else {
        device.name = "lapic";
        device.margin_shift = 15;
        device.features = kClockEventPeriodic | kClockEventOneshot | kClockEventPerCpu | stops;
        device.set_next_event = set_next_count;
        device.set_state = set_count_state;
        device.min_delta_ticks = 0xf;
        device.max_delta_ticks = 0xffff'ffff;
        clockevents_config_and_register(device, arch::apic_timer_khz() * 1000);
    }
}

}  // namespace time
