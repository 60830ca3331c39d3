// The PIT, for machines that have nothing better: a clock source of 16 bits, which must be read
// every few milliseconds, and a clock event device on line 0. Linux: drivers/clocksource/i8253.c.

#include <atomic>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/time/clocksource.h"
#include "core/time/hw/hw.h"
#include "core/time/hw/line0.h"

namespace time {

namespace {

/// A bare flag and no SpinLock: the clock is read under locks of any rank.
constinit std::atomic<bool> busy{false};

u64 read_pit() {
    const bool irqs = arch::irq_save();
    while (busy.exchange(true, std::memory_order_acquire)) arch::cpu_relax();
    const u64 ticks = arch::pit_read();
    busy.store(false, std::memory_order_release);
    arch::irq_restore(irqs);
    return ticks;
}

constinit Clocksource pit_source{
    .name = "pit", .rating = 110, .flags = kClockContinuous, .read = read_pit, .mask = 0xffff};

bool set_next_event(u64 ticks, ClockEventDevice&) {
    arch::pit_event_set(u16(ticks));
    return true;
}

void set_state(ClockEventState state, ClockEventDevice& device) {
    switch (state) {
    case ClockEventState::Periodic:
        arch::pit_event_periodic(u16(arch::kPitHz * kTickPeriodNs / 1'000'000'000));
        connect_line0(device);
        break;
    case ClockEventState::Oneshot:
        arch::pit_event_oneshot();
        connect_line0(device);
        break;
    default: arch::pit_event_stop(); break;
    }
}

constinit ClockEventDevice pit_event{
    .name = "pit",
    .features = kClockEventPeriodic | kClockEventOneshot,
    .rating = 40,
    .irq = 0,
    .set_next_event = set_next_event,
    .set_state = set_state,
    .min_delta_ticks = 0xf,
    .max_delta_ticks = 0x7fff,
    .cpus = 1,
};

}  // namespace

void register_pit() {
    arch::pit_start();
    (void)clocksource_register_hz(pit_source, arch::kPitHz).ok();
    clockevents_config_and_register(pit_event, arch::kPitHz);
}

}  // namespace time
