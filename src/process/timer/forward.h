/// Periodic timers: from one expiry to the next. Linux' hrtimer_forward().
#pragma once

#include "lib/types.h"

namespace process {

/// Moves `expires_ns` by whole intervals until it lies after `now`; returns by how many. 0, and
/// nothing changes, if it lies after `now` already.
inline u64 forward(u64& expires_ns, u64 now, u64 interval_ns) {
    if (now < expires_ns) return 0;
    const u64 missed = now - expires_ns;
    const u64 count = missed < interval_ns ? 1 : missed / interval_ns + 1;
    expires_ns += count * interval_ns;
    return count;
}

}  // namespace process
