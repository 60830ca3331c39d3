/// The end: what cannot be survived is reported completely, then the machine stops.
#pragma once

#include <span>
#include <string_view>

#include "arch/trap_frame.h"
#include "lib/assert.h"
#include "lib/format.h"

/// Prints the message, the registers if there is a frame, a symbolised backtrace, the current
/// task and the last trace records; stops the other processors; then halts, or leaves QEMU with
/// exit code 0x63 when the debug-exit device is there. Safe anywhere, and when it nests.
[[noreturn]] void vpanic(const arch::TrapFrame* frame, const char* format,
                         std::span<const FormatArg> args);

template <class... Args>
[[noreturn]] void panic(const char* format, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
    vpanic(nullptr, format, std::span(list, sizeof...(Args)));
}
[[noreturn]] void panic_with_frame(const char* message, const arch::TrapFrame& frame);

/// True on the processor that is panicking: locks are then passed by.
bool is_panicking();

/// True if some processor is.
bool is_anyone_panicking();

/// What the machine itself has reported, for the panic report; set once by core/irq. No locks.
extern void (*panic_describe_machine)();

/// A line about the current task for the panic report; set once by sched/.
extern void (*panic_describe_task)();

/// The function that contains `address` in the kernel, the distance from its start, and how far
/// the next one is from there. Empty if unknown.
struct Symbol {
    std::string_view name;
    u64 offset = 0;
    u64 size = 0;
};
Symbol find_symbol(u64 address);

/// Prints the callers, from the given frame pointer outwards; stops at anything implausible.
void print_backtrace(const u64* frame_pointer, u64 rip);
