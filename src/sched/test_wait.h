/// What tests wait with: a nap, and a condition that somebody else makes true.
#pragma once

#include "core/time/clock.h"
#include "sched/wait_queue.h"

namespace sched {

inline void nap(u64 ns) { (void)sleep_until(time::now_ns() + ns).ok(); }

/// Waits, asleep, until the condition is true; false after 5000 naps of a millisecond.
template <class Condition>
bool comes_true(Condition condition) {
    for (unsigned i = 0; i < 5000; i++) {
        if (condition()) return true;
        nap(time::kNsPerMs);
    }
    return condition();
}

}  // namespace sched
