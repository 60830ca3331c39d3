/// The trace points of softirqs; Linux' irq:softirq_* events.
#pragma once

#include "core/trace/trace.h"

namespace softirq {

struct SoftirqRaise {
    static constexpr const char* kSystem = "irq";
    static constexpr const char* kName = "softirq_raise";
    static const trace::Field kFields[1];
    static trace::Event event;
    u32 vec;
};

struct SoftirqEntry {
    static constexpr const char* kSystem = "irq";
    static constexpr const char* kName = "softirq_entry";
    static const trace::Field kFields[1];
    static trace::Event event;
    u32 vec;
};

struct SoftirqExit {
    static constexpr const char* kSystem = "irq";
    static constexpr const char* kName = "softirq_exit";
    static const trace::Field kFields[1];
    static trace::Event event;
    u32 vec;
};

}  // namespace softirq
