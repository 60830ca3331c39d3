/// The trace point of device interrupts.
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

}  // namespace irq
