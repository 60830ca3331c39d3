/// How a system call gets from registers to a C++ function, and its result back.
///
/// A family of calls is one file that defines functions with real parameter types and lists them:
///
///     static Result<u64> sys_dup(int fd) { … }
///     constexpr Entry kCalls[] = {{32, "dup", call<sys_dup>}, …};
///     constinit const std::span<const Entry> kFileCalls = kCalls;   // declared in table.cc
///
/// call<> converts each register to the parameter's type: integers are truncated as the ABI
/// says, UserPtr<T> and VirtAddr wrap the raw value. At most six parameters.
#pragma once

#include <span>
#include <type_traits>

#include "arch/trap_frame.h"
#include "core/user/user_ptr.h"
#include "lib/result.h"

namespace syscall {

/// Takes the frame, returns what goes into rax: a value, or -errno.
using Handler = u64 (*)(arch::TrapFrame& frame);

struct Entry {
    u16 number;        // as in Linux' syscall_64.tbl
    const char* name;  // for traces and /proc
    Handler handler;
};

template <class T>
T argument(u64 raw) {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
        return static_cast<T>(raw);
    } else {
        return T(raw);
    }
}

template <class T>
u64 to_register(Result<T> result) {
    if (!result.ok()) return -static_cast<u64>(result.error());
    if constexpr (std::is_void_v<T>) {
        return 0;
    } else if constexpr (std::is_same_v<T, VirtAddr>) {
        return result.value().raw();
    } else {
        return static_cast<u64>(result.take());
    }
}

template <class R, class... P>
u64 apply(R (*function)(P...), const arch::TrapFrame& frame) {
    static_assert(sizeof...(P) <= 6);
    const u64 raw[6] = {frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9};
    return [&]<usize... I>(std::index_sequence<I...>) {
        return to_register(function(argument<P>(raw[I])...));
    }
    (std::index_sequence_for<P...>());
}

/// The handler for a function with typed parameters that returns a Result.
template <auto Function>
u64 call(arch::TrapFrame& frame) {
    return apply(Function, frame);
}

/// The handler for a call that reads or changes the caller's registers (fork, execve, sigreturn).
template <u64 (*Function)(arch::TrapFrame&)>
u64 call_frame(arch::TrapFrame& frame) {
    return Function(frame);
}

/// The entry for `number`, or null.
const Entry* find(u64 number);

/// Fills the table from all families. Boot.
void init();

}  // namespace syscall
