/// The clocks that a timer can follow, and how far each is from the monotonic one.
#pragma once

#include "lib/types.h"

namespace time {

enum class ClockBase : u8 {
    Monotonic,  // since boot; never set
    Realtime,   // since 1970; may be set
    Boottime,   // as Monotonic, and counts while the machine is suspended
    Tai,        // as Realtime, without leap seconds
};
inline constexpr unsigned kClockBases = 4;

/// What to add to now_ns() to get the time of `clock`. Changes only with clock_was_set().
i64 clock_offset_ns(ClockBase clock);

}  // namespace time
