// What keeps the clocks right while nobody looks: the source is read before it wraps, NTP is told
// of the ends of seconds, and sources that are not to be trusted are compared with one that is.
// Linux: kernel/time/clocksource.c (clocksource_watchdog).

#include "core/time/watchdog.h"

#include <new>

#include "core/lock/spin_lock.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "core/time/clocksource.h"
#include "core/time/hrtimer.h"
#include "core/time/timekeeping.h"

namespace time {

namespace {

/// Half as often as Linux: it is the only thing that wakes an idle processor, and every judge wraps
/// later than that.
constexpr u64 kPeriodNs = kNsPerSec;

/// What two counters show at one moment, as far as that can be told.
struct Pair {
    u64 watched, judge;
    u64 took_ns;
};

Pair read_pair(const Clocksource& watched, const Clocksource& judge) {
    IrqOffGuard no_interrupts;
    const u64 begin = judge.read();
    const u64 now = watched.read();
    const u64 end = judge.read();
    return {now, begin, judge.to_ns((end - begin) & judge.mask)};
}

/// The best of a few: an emulator, or a system management interrupt, may hold one up.
Pair read_pair_quickly(const Clocksource& watched, const Clocksource& judge) {
    Pair best = read_pair(watched, judge);
    for (unsigned tries = 0; tries < 3; tries++) {
        const Pair again = read_pair(watched, judge);
        if (again.took_ns < best.took_ns) best = again;
    }
    return best;
}

Restart keep_clocks(HrTimer& timer);

/// Room for the timer, which has a destructor and so cannot be a global object.
alignas(HrTimer) constinit std::byte timer_room[sizeof(HrTimer)]{};
HrTimer& timer() { return reinterpret_cast<HrTimer&>(timer_room); }

constinit WatchdogState state{};

u64 next_look(u64 now) {
    const u64 due = next_update_due();
    const u64 look = state.watched != nullptr ? now + kPeriodNs : kTimeMax;
    return std::min(std::min(due, look), kTimeMax);
}

void choose_watched() {
    state = {};
    for_each_clocksource(
        [](Clocksource& source, void*) {
            const bool wanted = source.flags & kClockMustVerify;
            if (wanted && state.watched == nullptr) state.watched = &source;
        },
        nullptr);
    if (state.watched == nullptr) return;
    state.judge = find_watchdog(*state.watched);
    if (state.judge == nullptr) state.watched = nullptr;
}

Restart keep_clocks(HrTimer& timer) {
    const u64 now = now_ns();
    update_wall_time(now);
    if (take_leap_news()) clock_was_set();
    if (state.watched != nullptr && !watchdog_check(state)) choose_watched();
    timer.set_expires(next_look(now));
    return Restart::Yes;
}

}  // namespace

bool watchdog_check(WatchdogState& state) {
    const Pair now = read_pair_quickly(*state.watched, *state.judge);
    const u64 watched_ns =
        state.watched->to_ns((now.watched - state.last_watched) & state.watched->mask);
    const u64 judge_ns = state.judge->to_ns((now.judge - state.last_judge) & state.judge->mask);
    const bool has_last = state.has_last && watched_ns < state.judge->max_idle_ns;
    state.has_last = true;
    state.last_watched = now.watched;
    state.last_judge = now.judge;
    if (!has_last || now.took_ns > kSlowestReadNs) return true;

    const u64 skew = watched_ns > judge_ns ? watched_ns - judge_ns : judge_ns - watched_ns;
    if (skew <= judge_ns / kTolerance + kSlowestReadNs) return true;
    printk(Level::Warning,
           "clocksource: Marking clocksource '%s' as unstable: %u us, %s says %u us",
           state.watched->name, watched_ns / 1000, state.judge->name, judge_ns / 1000);
    clocksource_mark_unstable(*state.watched);
    return false;
}

void kick_timekeeper() {
    if (timer().function() != nullptr) timer().start(std::min(next_look(now_ns()), kTimeMax));
}

void start_clock_watchdog() {
    new (timer_room) HrTimer(keep_clocks, ClockBase::Monotonic, Expiry::Soft);
    choose_watched();
    timer().start(next_look(now_ns()));
}

}  // namespace time
