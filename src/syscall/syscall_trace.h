/// raw_syscalls:sys_enter and sys_exit, as on Linux.
#pragma once

#include "core/trace/trace.h"
#include "syscall/syscall.h"

namespace syscall {

struct SysEnter {
    static constexpr const char* kSystem = "raw_syscalls";
    static constexpr const char* kName = "sys_enter";
    i64 id;
    u64 arg0, arg1, arg2, arg3, arg4, arg5;
    static const trace::Field kFields[7];
    static trace::Event event;
};

struct SysExit {
    static constexpr const char* kSystem = "raw_syscalls";
    static constexpr const char* kName = "sys_exit";
    i64 id, ret;
    static const trace::Field kFields[2];
    static trace::Event event;
};

inline bool is_traced() { return trace::is_enabled<SysEnter>() || trace::is_enabled<SysExit>(); }

/// `frame.rax = handler(frame)` between the two trace points.
void traced_call(arch::TrapFrame& frame, Handler handler);

}  // namespace syscall
