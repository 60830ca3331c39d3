// The HPET as a clock source, and its comparator 0, in the PIT's place on line 0, as a clock event
// device. Linux: arch/x86/kernel/hpet.c.

#include "arch/clock.h"
#include "core/time/clocksource.h"
#include "core/time/hw/hw.h"
#include "core/time/hw/line0.h"

namespace time {

namespace {

u64 read_hpet() { return arch::hpet_read(); }

constinit Clocksource hpet_source{.name = "hpet",
                                  .rating = 250,
                                  .flags = kClockContinuous,
                                  .read = read_hpet,
                                  .mask = 0xffff'ffff};

bool set_next_event(u64 ticks, ClockEventDevice&) { return arch::hpet_event_set(u32(ticks)); }

constinit u32 ticks_per_period = 0;

void set_state(ClockEventState state, ClockEventDevice& device) {
    switch (state) {
    case ClockEventState::Periodic:
    case ClockEventState::Oneshot:
        arch::hpet_event_route(true);
        if (state == ClockEventState::Oneshot) {
            arch::hpet_event_oneshot();
        } else {
            arch::hpet_event_periodic(ticks_per_period);
        }
        connect_line0(device);
        break;
    default: arch::hpet_event_stop(); break;
    }
}

constinit ClockEventDevice hpet_event{
    .name = "hpet",
    .features = kClockEventPeriodic | kClockEventOneshot,
    .rating = 50,
    .irq = 0,
    .set_next_event = set_next_event,
    .set_state = set_state,
    .min_delta_ticks = 128,
    .max_delta_ticks = 0x7fff'ffff,
    .cpus = 1,
};

}  // namespace

void register_hpet() {
    const arch::HpetInfo* info = arch::hpet_info();
    if (info == nullptr) return;
    constexpr u64 kFsPerSec = 1'000'000'000'000'000;
    const u64 hz = kFsPerSec / info->period_fs;
    (void)clocksource_register_hz(hpet_source, hz).ok();
    if (!info->has_legacy_route) return;
    ticks_per_period = u32(hz * kTickPeriodNs / 1'000'000'000);
    clockevents_config_and_register(hpet_event, hz);
}

}  // namespace time
