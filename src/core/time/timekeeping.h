/// The timekeeper: all clocks of the system, kept from one clock source. Linux:
/// kernel/time/timekeeping.c. What others want to read stands in clock.h.
///
/// All clocks are the monotonic one plus an offset; that one grows with the source, at a rate that
/// NTP may adjust. One spin lock orders the writers; readers take none (time_page.h).
#pragma once

#include "abi/timex.h"
#include "core/time/clocksource.h"
#include "lib/result.h"

namespace time {

/// Counts with `source` from now on; the clocks do not jump. Any context but NMIs.
void timekeeping_use(Clocksource& source);

/// Moves the reference point of the clocks to now, lets NTP do what is due at the ends of seconds,
/// and sets the coarse clocks. At each tick, and when a processor leaves its idle loop; cheap if
/// that was done less than a tick ago, which `now` (now_ns()) tells.
void update_wall_time(u64 now);

/// Whether a leap second moved the wall clock since the last question, so that clock_was_set() is
/// to be called.
bool take_leap_news();

/// The wall clock as it is before the first program can set it. Boot.
void timekeeping_set_date(u64 ns);

/// Adds to the wall clock, or takes away. EINVAL: the result could not be. Thread context.
Result<void> timekeeping_inject_offset(i64 ns);

/// adjtimex(2), after the permissions were looked at: changes what `timex.modes` says, fills the
/// rest in, and returns the state of the clock (abi::TIME_OK and so on). EINVAL.
Result<int> do_adjtimex(abi::Timex& timex);

/// The time zone that settimeofday(2) keeps for others; the kernel does not use it.
struct TimeZone {
    i32 minutes_west, dst_time;
};
TimeZone time_zone();
/// The first one, if it comes without a time, also says that the CMOS clock runs in local time: the
/// wall clock is then moved to UTC. EINVAL: more than 15 hours.
Result<void> set_time_zone(TimeZone zone, bool with_time);

/// When update_wall_time() must have run at the latest, on the monotonic clock: the source wraps,
/// or NTP has work at the end of the second.
u64 next_update_due();

/// Timers have become exact, on the first processor: programs see it by clock_getres(2).
void timekeeping_resolution_changed();

/// Keeps a TimePage for programs in `memory`, a zeroed page, from now on. Boot.
void timekeeping_publish(void* memory);

}  // namespace time
