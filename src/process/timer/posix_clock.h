/// What the clock ids of clock_gettime(2) and relatives mean. Linux: kernel/time/posix-timers.h.
///
/// Each id leads to a KClock, a table of what can be done with such a clock; what cannot be done
/// is null. Ids from 0 on stand in one table; negative ones name the CPU time of a process or
/// thread, or a file.
#pragma once

#include "abi/time.h"
#include "lib/result.h"
#include "lib/types.h"

namespace process {

struct KClock {
    /// The time in nanoseconds. EINVAL: the process or thread that the id names is not there.
    Result<u64> (*now)(int clock);
    /// Nanoseconds between two values of the clock. EINVAL as above.
    Result<u64> (*resolution)(int clock);
    /// Null: EINVAL. Otherwise EPERM without CAP_SYS_TIME, or since nobody may, EINVAL.
    Result<void> (*set)(int clock, u64 ns) = nullptr;
    /// Whether clock_adjtime(2) can change its rate. False: EOPNOTSUPP.
    bool is_adjustable = false;
};

/// Null: there is no such clock (EINVAL for the callers).
const KClock* clockid_to_kclock(int clock);

}  // namespace process
