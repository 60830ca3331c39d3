#include "syscall/syscall_trace.h"

#include "syscall/dispatch.h"

namespace syscall {

const trace::Field SysEnter::kFields[] = {
    TRACE_FIELD(SysEnter, id),       TRACE_FIELD_HEX(SysEnter, arg0),
    TRACE_FIELD_HEX(SysEnter, arg1), TRACE_FIELD_HEX(SysEnter, arg2),
    TRACE_FIELD_HEX(SysEnter, arg3), TRACE_FIELD_HEX(SysEnter, arg4),
    TRACE_FIELD_HEX(SysEnter, arg5)};
TRACE_POINT_GATED(SysEnter, &process::syscall_watchers);

const trace::Field SysExit::kFields[] = {TRACE_FIELD(SysExit, id), TRACE_FIELD(SysExit, ret)};
TRACE_POINT_GATED(SysExit, &process::syscall_watchers);

void traced_call(arch::TrapFrame& frame, Handler handler) {
    const u64 number = frame.orig_rax;
    if (!process::ptrace_syscall_enter(frame)) return process::ptrace_syscall_exit(frame);
    if (frame.orig_rax != number) handler = handler_of(native, frame.orig_rax);
    const i64 id = static_cast<i32>(frame.orig_rax);
    trace::point(SysEnter{id, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9});
    frame.rax = handler(frame);
    trace::point(SysExit{id, static_cast<i64>(frame.rax)});
    process::ptrace_syscall_exit(frame);
}

}  // namespace syscall
