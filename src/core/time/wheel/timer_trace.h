/// Trace points of Timer; Linux' timer events.
#pragma once

#include "core/trace/trace.h"

namespace time {

struct TimerStart {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "timer_start";
    static const trace::Field kFields[5];
    static trace::Event event;
    u64 timer;
    u64 function;
    u64 expires;
    u64 now;
    u32 flags;
};

struct TimerExpireEntry {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "timer_expire_entry";
    static const trace::Field kFields[4];
    static trace::Event event;
    u64 timer;
    u64 now;
    u64 function;
    u64 baseclk;
};

struct TimerExpireExit {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "timer_expire_exit";
    static const trace::Field kFields[1];
    static trace::Event event;
    u64 timer;
};

struct TimerCancel {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "timer_cancel";
    static const trace::Field kFields[1];
    static trace::Event event;
    u64 timer;
};

}  // namespace time
