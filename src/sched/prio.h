/// Priorities: one scale for all classes, the lower the more urgent. Linux: linux/sched/prio.h.
///
///     -2         the stop class
///     -1         deadline
///     0 … 99     real time: 99 - rt_priority
///     100 … 139  fair: 120 + nice
///     140        the idle task
#pragma once

#include "lib/types.h"

namespace sched {

inline constexpr i32 kStopPrio = -2, kDeadlinePrio = -1;
inline constexpr i32 kMaxRtPrio = 100, kMaxPrio = 140, kDefaultPrio = 120;
inline constexpr i32 kIdlePrio = kMaxPrio;

inline constexpr i32 prio_of_nice(i32 nice) { return kDefaultPrio + nice; }
inline constexpr i32 prio_of_rt(u32 rt_priority) { return kMaxRtPrio - 1 - i32(rt_priority); }
inline constexpr bool is_rt_prio(i32 prio) { return prio >= 0 && prio < kMaxRtPrio; }
/// More urgent than any fair task.
inline constexpr bool is_urgent_prio(i32 prio) { return prio < kMaxRtPrio; }

}  // namespace sched
