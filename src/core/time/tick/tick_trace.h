/// The trace point of stopped ticks; Linux' timer:tick_stop.
#pragma once

#include "core/trace/trace.h"

namespace time {

struct TickStop {
    static constexpr const char* kSystem = "timer";
    static constexpr const char* kName = "tick_stop";
    static const trace::Field kFields[2];
    static trace::Event event;
    i32 success;
    u32 dependency;
};

}  // namespace time
