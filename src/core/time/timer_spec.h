/// A timer's setting as programs give it, in nanoseconds. Linux' struct itimerspec64.
#pragma once

#include "lib/types.h"

namespace time {

struct TimerSpec {
    u64 value_ns = 0;     // until it expires, or when; 0: it does not run
    u64 interval_ns = 0;  // from then on; 0: once
};

}  // namespace time
