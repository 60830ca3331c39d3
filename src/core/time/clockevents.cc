// See clockevents.h. A tick device is used by its own processor only, with interrupts off, so it
// needs no lock; the lock guards the list of all devices.

#include "core/time/clockevents.h"

#include "arch/cpu.h"
#include "core/lock/spin_lock.h"
#include "core/log/printk.h"
#include "core/time/clock.h"

namespace time {

namespace {

void ignore_event(ClockEventDevice&) {}

constinit SpinLock devices_lock{"clockevents", LockRank::Clock};
constinit ClockEventDevice* devices = nullptr;
constinit ClockEventDevice::EventHandler tick_handler = ignore_event;

PER_CPU ClockEventDevice* local_tick_device = nullptr;

u64 scale(u64 value, u64 mult, u32 shift) {
    return u64((unsigned __int128){value} * mult >> shift);
}

void configure(ClockEventDevice& device, u64 hz) {
    device.shift = 32;
    device.mult = arch::mul_div(hz, u64{1} << 32, kNsPerSec);
    device.min_delta_ns = arch::mul_div(device.min_delta_ticks, kNsPerSec, hz) + 1;
    device.max_delta_ns = arch::mul_div(device.max_delta_ticks, kNsPerSec, hz);
    device.event_handler = ignore_event;
}

void add_to_list(ClockEventDevice& device) {
    IrqGuard guard(devices_lock);
    ClockEventDevice** at = &devices;
    while (*at != nullptr && (*at)->rating >= device.rating) at = &(*at)->next;
    device.next = *at;
    *at = &device;
}

/// Never 0, and never beyond what the device can count.
u64 ticks_for(const ClockEventDevice& device, u64 ns) {
    const u64 wanted = std::min(std::max(ns, device.min_delta_ns), device.max_delta_ns);
    // A little more: what is rounded down, or counts a few millionths too fast, would come early,
    // and for nothing.
    const u64 exact = scale(wanted, device.mult, device.shift);
    const u64 ticks = exact + (exact >> device.margin_shift) + 1;
    return std::min(std::max(ticks, device.min_delta_ticks), device.max_delta_ticks);
}

void program(ClockEventDevice& device, u64 delta_ns) {
    u64 ticks = ticks_for(device, delta_ns);
    while (!device.set_next_event(ticks, device)) {  // too late: once more, with more room
        device.retries++;
        ticks = std::min(ticks * 2, device.max_delta_ticks);
    }
}

/// Makes `device` the tick device of this processor, in place of `old`.
void exchange(ClockEventDevice& device, ClockEventDevice* old) {
    u64 next_event_ns = ~u64{0};
    if (old != nullptr) {
        next_event_ns = old->next_event_ns;
        old->event_handler = ignore_event;
        clockevents_switch_state(*old, ClockEventState::Shutdown);
        old->state = ClockEventState::Detached;
    }
    device.event_handler = tick_handler;
    arch::this_cpu_write(local_tick_device, &device);
    const bool oneshot = device.features & kClockEventOneshot;
    clockevents_switch_state(device,
                             oneshot ? ClockEventState::Oneshot : ClockEventState::Periodic);
    if (next_event_ns != ~u64{0}) clockevents_program_event(next_event_ns);
}

bool is_better(const ClockEventDevice& device, const ClockEventDevice* than) {
    if (than == nullptr) return true;
    const bool can_oneshot = device.features & kClockEventOneshot;
    if (!can_oneshot && than->features & kClockEventOneshot) return false;
    return device.rating > than->rating;
}

}  // namespace

void clockevents_config_and_register(ClockEventDevice& device, u64 hz) {
    ASSERT(!arch::irqs_on() && hz != 0 && device.max_delta_ticks > device.min_delta_ticks);
    configure(device, hz);
    const unsigned cpu = cpu_id();
    if (device.features & kClockEventPerCpu) device.cpus = u64{1} << cpu;
    add_to_list(device);
    ClockEventDevice* const old = arch::this_cpu_read(local_tick_device);
    if (!(device.cpus >> cpu & 1) || !is_better(device, old)) return;
    exchange(device, old);
    printk(cpu == 0 ? Level::Info : Level::Debug, "clockevents: cpu %u: %s%s%s", cpu, device.name,
           old != nullptr ? " instead of " : "", old != nullptr ? old->name : "");
}

void clockevents_switch_state(ClockEventDevice& device, ClockEventState state) {
    if (device.state == state) return;
    device.set_state(state, device);
    device.state = state;
    if (state == ClockEventState::Shutdown) device.next_event_ns = ~u64{0};
}

bool clockevents_program_event(u64 expires_ns, bool force) {
    ClockEventDevice* const device = arch::this_cpu_read(local_tick_device);
    if (device == nullptr) return true;
    const u64 now = now_ns();
    if (expires_ns <= now && !force) return false;
    device->next_event_ns = expires_ns;
    if (!device->is_oneshot()) [[unlikely]] {
        if (!(device->features & kClockEventOneshot)) return true;  // it ticks anyhow
        clockevents_switch_state(*device, ClockEventState::Oneshot);
    }
    program(*device, expires_ns > now ? expires_ns - now : 0);
    return true;
}

void clockevents_stop_event() {
    ClockEventDevice* const device = arch::this_cpu_read(local_tick_device);
    if (device == nullptr || !device->is_oneshot()) return;
    device->next_event_ns = ~u64{0};
    clockevents_switch_state(*device, ClockEventState::OneshotStopped);
}

void clockevents_set_handler(ClockEventDevice::EventHandler handler) {
    tick_handler = handler;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        if (ClockEventDevice* device = tick_device(cpu)) device->event_handler = handler;
    });
}

void clockevents_event(ClockEventDevice& device) {
    device.events++;
    device.event_handler(device);
}

ClockEventDevice* tick_device(unsigned cpu) { return per_cpu(local_tick_device, cpu); }

void for_each_clockevent(void (*visit)(ClockEventDevice&, void*), void* argument) {
    IrqGuard guard(devices_lock);
    for (ClockEventDevice* device = devices; device != nullptr; device = device->next) {
        visit(*device, argument);
    }
}

}  // namespace time
