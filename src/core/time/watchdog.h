/// Watching a clock source, and looking after the clocks. See watchdog.cc. Private to core/time.
#pragma once

#include "core/time/clocksource.h"

namespace time {

struct WatchdogState {
    Clocksource* watched = nullptr;
    const Clocksource* judge = nullptr;
    bool has_last = false;
    u64 last_watched = 0, last_judge = 0;
};

/// They may differ by 1 part in so many, and by what reading them takes at worst: if it takes
/// longer, the reading does not count.
inline constexpr u64 kTolerance = 64;
inline constexpr u64 kSlowestReadNs = 200'000;

/// Compares how far both have run since the last call. False: too different; the watched one has
/// been marked unstable.
bool watchdog_check(WatchdogState& state);

/// NTP or the source has changed: looks anew when the clocks need care.
void kick_timekeeper();

}  // namespace time
