// See tick.h. Everything here is about this processor, with interrupts off.

#include <new>

#include "core/log/printk.h"
#include "core/time/clockevents.h"
#include "core/time/hrtimer_base.h"
#include "core/time/jiffies.h"
#include "core/time/tick/tick.h"
#include "core/time/tick/tick_interrupt.h"
#include "core/time/tick/tick_trace.h"
#include "core/time/timekeeping.h"
#include "core/time/timer_interrupt.h"
#include "core/time/wheel/run.h"
#include "core/time/wheel/timer_base.h"

namespace time {

constinit TickOptions tick_options;
void (*update_process_times)(u64 now_ns, bool keeper) = nullptr;

namespace {

Restart tick_expired(HrTimer& timer);

/// With the timer that is the tick in high resolution.
struct LocalTick : TickSched {
    HrTimer timer{tick_expired};
};

/// Built by init_ticks(): a timer has a destructor, so it may not be a global object.
struct alignas(LocalTick) LocalTickRoom {
    std::byte bytes[sizeof(LocalTick)];
};
PER_CPU LocalTickRoom room{};

LocalTick& my_tick() { return reinterpret_cast<LocalTick&>(this_cpu(room)); }

/// The first moment after `now` that is a whole number of ticks after `from`.
u64 next_after(u64 from, u64 now) {
    return now < from ? from : from + ((now - from) / kTickNs + 1) * kTickNs;
}

/// The part of a tick that is the same in all modes.
void do_tick(LocalTick& tick, u64 now) {
    tick.ticks++;
    u32 keeper = jiffies_clock.keeper.load(std::memory_order_relaxed);
    if (keeper == kNobody) [[unlikely]] {
        jiffies_clock.keeper.compare_exchange_strong(keeper, cpu_id());
        keeper = jiffies_clock.keeper.load(std::memory_order_relaxed);
    }
    const bool mine = keeper == cpu_id();
    // After a long sleep it is not for the keeper to tell us that our timers are due.
    if (mine || tick.stopped) update_jiffies(now);
    if (update_process_times != nullptr) update_process_times(now, mine);
}

/// Whether this processor can do without ticks for now, and until when: the first Timer.
bool may_stop(const LocalTick& tick, u64 now, u64& until_ns) {
    if (!tick.idle || !tick_options.nohz || need_resched()) return false;
    update_jiffies(now);
    const u64 count = jiffies(), next = next_timer_tick(count);
    if (time_before_eq(next, count + 1)) return false;
    until_ns = next - count > TimerBase::kMaxDelta ? kTimeMax : jiffies_begin_ns(next);
    return true;
}

void stop(LocalTick& tick) {
    if (!tick.stopped) {
        tick.stopped = true;
        tick.idle_sleeps++;
        this_cpu(timer_bases).standard.asleep.store(true, std::memory_order_relaxed);
        trace::point(TickStop{.success = 1, .dependency = 0});
    }
    u32 me = cpu_id();
    if (jiffies_clock.keeper.load(std::memory_order_relaxed) == me) {
        jiffies_clock.keeper.compare_exchange_strong(me, kNobody);
    }
}

/// Low resolution: the hardware is aimed by hand, at the tick or at what is due later.
void program_low_res(LocalTick& tick) {
    u64 at = tick.next_ns;
    if (tick.stopped) {
        HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
        IrqGuard guard(base.lock);
        HrTimer* first;
        // Soft timers that are due do not count: they wait for their softirq, and no interrupt
        // helps.
        const u32 soft = base.softirq_activated ? 0 : HrTimerCpuBase::kSoft;
        at = std::min(at, base.next_event(HrTimerCpuBase::kHard | soft, first));
    }
    program_timer_event(at);
}

/// In high resolution the tick is a timer. From its own callback Restart::Yes starts it.
Restart tick_expired(HrTimer& timer) {
    LocalTick& tick = my_tick();
    const u64 now = now_ns();
    do_tick(tick, now);
    if (!tick.stopped) tick.last_tick_ns = timer.expires_ns();
    if (may_stop(tick, now, tick.next_ns)) {
        stop(tick);
        if (tick.next_ns == kTimeMax) return Restart::No;
    } else {
        tick.next_ns = next_after(tick.last_tick_ns, now);
    }
    timer.set_expires(tick.next_ns);
    return Restart::Yes;
}

/// From periodic mode; the first tick is the next one.
void switch_mode(LocalTick& tick, u64 now) {
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    const u64 skew = tick_options.skew ? kTickNs / 2 / possible_cpus.count() * cpu_id() : 0;
    tick.next_ns = next_after(skew, now);
    if (!tick_options.high_resolution) {
        tick.mode = TickSched::Mode::LowRes;
        return;
    }
    tick.mode = TickSched::Mode::HighRes;
    base.switch_to_high_resolution();
    tick.timer.start(tick.next_ns, TimerMode::AbsolutePinned);
    if (cpu_id() == 0) timekeeping_resolution_changed();
    printk(Level::Debug, "Switched to high resolution mode on CPU %u", cpu_id());
}

bool device_is_oneshot() {
    const ClockEventDevice* const device = tick_device(cpu_id());
    return device != nullptr && device->features & kClockEventOneshot;
}

/// Between the modes: aims at `next_ns`, in whichever way.
void aim(LocalTick& tick) {
    if (tick.mode != TickSched::Mode::HighRes) {
        program_low_res(tick);
    } else if (tick.next_ns == kTimeMax) {
        tick.timer.try_to_cancel();
    } else {
        tick.timer.start(tick.next_ns, TimerMode::AbsolutePinned);
    }
}

}  // namespace

void tick_interrupt() {
    LocalTick& tick = my_tick();
    const u64 now = now_ns();
    if (now >= tick.next_ns) {
        if (!tick.stopped) tick.last_tick_ns = tick.next_ns;
        do_tick(tick, now);
    }
    this_cpu(hrtimer_cpu_base).run_low_resolution();
    if (tick.mode == TickSched::Mode::Periodic && device_is_oneshot()) {
        switch_mode(tick, now);
        if (tick.mode == TickSched::Mode::HighRes) return;
    }
    if (tick.mode == TickSched::Mode::LowRes && may_stop(tick, now, tick.next_ns)) {
        stop(tick);
    } else {
        tick.next_ns = next_after(tick.last_tick_ns, now);
    }
    program_low_res(tick);
}

void tick_idle_enter(u64 now) {
    LocalTick& tick = my_tick();
    tick.idle = true;
    tick.idle_calls++;
    tick.idle_entry_ns = now;
}

void tick_idle_exit(u64 now) {
    LocalTick& tick = my_tick();
    tick.idle = false;
    tick.idle_exit_ns = now;
    if (tick.idle_entry_ns != 0) tick.idle_sleep_ns += now - tick.idle_entry_ns;
    if (!tick.stopped) return;
    tick.stopped = false;
    this_cpu(timer_bases).standard.asleep.store(false, std::memory_order_relaxed);
    update_jiffies(now);
    tick.next_ns = next_after(tick.last_tick_ns, now);
    aim(tick);
}

void tick_idle_reevaluate() {
    LocalTick& tick = my_tick();
    if (!tick.stopped) return;
    const u64 now = now_ns();
    u64 next_ns;
    if (!may_stop(tick, now, next_ns)) next_ns = next_after(tick.last_tick_ns, now);
    if (next_ns == tick.next_ns && tick.mode == TickSched::Mode::HighRes) return;
    tick.next_ns = next_ns;
    aim(tick);
}

const TickSched& tick_sched(unsigned cpu) {
    return reinterpret_cast<LocalTick&>(per_cpu(room, cpu));
}

u64 hrtimer_resolution_ns() { return per_cpu(hrtimer_cpu_base, 0).high_resolution ? 1 : kTickNs; }

void init_ticks() {
    for_each_cpu(possible_cpus, [](unsigned cpu) { new (&per_cpu(room, cpu)) LocalTick; });
}

void start_tick() {
    LocalTick& tick = my_tick();
    update_jiffies(now_ns());
    tick.next_ns = next_after(0, now_ns());
    program_timer_event(tick.next_ns);
}

}  // namespace time
