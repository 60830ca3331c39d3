/// Trace points of HrTimer; Linux' timer events.
#pragma once

#include "core/trace/trace.h"

namespace time {

struct HrTimerStart {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "hrtimer_start";
    static const trace::Field kFields[5];
    static trace::Event event;
    u64 hrtimer;
    u64 function;
    u64 expires;
    u64 softexpires;
    u32 mode;  // 0 absolute, 1 relative, +2 pinned, +4 soft: Linux' bits
};

struct HrTimerExpireEntry {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "hrtimer_expire_entry";
    static const trace::Field kFields[3];
    static trace::Event event;
    u64 hrtimer;
    u64 now;
    u64 function;
};

struct HrTimerExpireExit {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "hrtimer_expire_exit";
    static const trace::Field kFields[1];
    static trace::Event event;
    u64 hrtimer;
};

struct HrTimerCancel {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "hrtimer_cancel";
    static const trace::Field kFields[1];
    static trace::Event event;
    u64 hrtimer;
};

}  // namespace time
