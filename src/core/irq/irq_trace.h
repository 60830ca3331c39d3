/// The trace points of device interrupts.
#pragma once

#include "core/trace/trace.h"
#include "lib/string.h"

namespace irq {

struct TraceName {
    char text[24];
};

/// A handler's name, cut to what a record can hold.
inline TraceName trace_name(const char* name) {
    TraceName out{};
    copy_string(out.text, {name, strlen(name)});
    return out;
}

struct IrqHandlerEntry {
    static constexpr const char* kSystem = "irq";
    static constexpr const char* kName = "irq_handler_entry";
    static const trace::Field kFields[2];
    static trace::Event event;
    i32 irq;
    TraceName name;
};

struct IrqHandlerExit {
    static constexpr const char* kSystem = "irq";
    static constexpr const char* kName = "irq_handler_exit";
    static const trace::Field kFields[2];
    static trace::Event event;
    i32 irq;
    i32 ret;  // IrqReturn
};

/// An interrupt got a vector, or another one.
struct VectorUpdate {
    static constexpr const char* kSystem = "irq_vectors";
    static constexpr const char* kName = "vector_update";
    static const trace::Field kFields[5];
    static trace::Event event;
    u32 irq, vector, cpu, prev_vector, prev_cpu;
};

}  // namespace irq
