/// raw_syscalls:sys_enter and sys_exit, as on Linux.
#pragma once

#include "core/trace/trace.h"
#include "process/ptrace/ptrace.h"
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

/// Somebody watches system calls: these trace points, or a tracer, perhaps of another task.
inline bool is_traced() { return process::syscall_watchers.load(std::memory_order_relaxed) != 0; }

/// `frame.rax = handler(frame)` between the two trace points, and where ptrace(2) may stop the task
/// and change the call.
void traced_call(arch::TrapFrame& frame, Handler handler);

}  // namespace syscall
