/// Clock event devices: hardware that interrupts at a given time. Linux: kernel/time/clockevents.c,
/// kernel/time/tick-common.c.
///
/// Each processor has a tick device: the best of the devices registered so far that can interrupt
/// it. Whoever keeps the timers installs one handler for all of them and aims the local one:
///
///     clockevents_set_handler(hrtimer_interrupt);          // boot, once
///     clockevents_program_event(earliest.expires_ns);      // on this processor, interrupts off
///
/// A device counts in ticks of its own; `mult` and `shift` turn nanoseconds into ticks.
#pragma once

#include "lib/types.h"

namespace time {

enum class ClockEventState : u8 {
    Detached,        // registered at most; not in use
    Shutdown,        // in use, silent
    Periodic,        // interrupts again and again, every tick period
    Oneshot,         // interrupts once per set_next_event()
    OneshotStopped,  // one-shot, and nothing is due
};

enum ClockEventFeature : u32 {
    kClockEventPeriodic = 1 << 0,
    kClockEventOneshot = 1 << 1,
    kClockEventC3Stop = 1 << 3,  // stands still in deep idle states
    kClockEventPerCpu = 1 << 6,  // interrupts one processor only, and is part of it
};

struct ClockEventDevice {
    using EventHandler = void (*)(ClockEventDevice& device);

    const char* name;
    u32 features;  // ClockEventFeature
    u32 rating;    // the higher, the better; as Linux rates them
    i32 irq;       // the line, or -1 for a local vector
    /// Interrupts after `ticks`, between the limits. False: that moment had passed before the
    /// device was ready; it is then asked again with more. Interrupts are off.
    bool (*set_next_event)(u64 ticks, ClockEventDevice& device);
    /// Enters Shutdown, Periodic, Oneshot or OneshotStopped. Interrupts are off.
    void (*set_state)(ClockEventState state, ClockEventDevice& device);

    u64 min_delta_ticks, max_delta_ticks;
    u32 margin_shift =
        63;        // it may be aimed later by that part (a power of 2): its rate was measured
    u64 cpus = 0;  // processors that it can interrupt, one bit each

    // Kept by clockevents.cc.
    u64 min_delta_ns = 0, max_delta_ns = 0;
    u64 mult = 0;  // ticks = ns * mult >> shift
    u32 shift = 0;
    ClockEventState state = ClockEventState::Detached;
    EventHandler event_handler = nullptr;  // called from the device's interrupt; never null later
    u64 next_event_ns = ~u64{0};           // what it is aimed at, on the monotonic clock
    u64 events = 0, retries = 0;           // interrupts; attempts that came too late
    ClockEventDevice* next = nullptr;      // in the list of all, best first

    bool is_oneshot() const { return state == ClockEventState::Oneshot; }
};

/// The length of a tick of a device in periodic mode.
inline constexpr u64 kTickPeriodNs = 4'000'000;

/// Adds a device that counts at `hz`. If it can interrupt the calling processor and is better than
/// what that has, it becomes its tick device: the old one is shut down, and its aim is taken over.
/// A device that is part of a processor is registered on that processor. Interrupts are off.
void clockevents_config_and_register(ClockEventDevice& device, u64 hz);

/// Puts a device into a state. On a processor of the device, interrupts off.
void clockevents_switch_state(ClockEventDevice& device, ClockEventState state);

/// Makes this processor's tick device interrupt at `expires_ns` on the monotonic clock: never
/// early by more than the device's longest delay forces (then the handler finds nothing due, and
/// aims again). If that time has passed: as soon as it can with `force`; else not at all, and
/// false. Interrupts are off.
bool clockevents_program_event(u64 expires_ns, bool force = true);

/// Nothing is due on this processor. Interrupts are off.
void clockevents_stop_event();

/// Installs who is told of the interrupts of tick devices, those of now and of later. It runs in
/// interrupt context on the interrupted processor. Boot.
void clockevents_set_handler(ClockEventDevice::EventHandler handler);

/// For the device's interrupt: counts it, and tells the handler.
void clockevents_event(ClockEventDevice& device);

/// The tick device of a processor, or null.
ClockEventDevice* tick_device(unsigned cpu);

/// Calls `visit(device, argument)` for every registered device, best first.
void for_each_clockevent(void (*visit)(ClockEventDevice& device, void* argument), void* argument);

}  // namespace time
