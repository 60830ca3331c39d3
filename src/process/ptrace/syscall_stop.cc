// Stops at system calls: PTRACE_SYSCALL and PTRACE_SYSEMU. Linux: ptrace_report_syscall().

#include "abi/ptrace.h"
#include "process/ptrace/ptrace.h"

namespace process {

namespace {

/// The signal that the tracer wants to be seen is sent, not delivered at once.
void report(Task& task, u64 message) {
    const bool marked = task.ptrace & abi::PTRACE_O_TRACESYSGOOD;
    const i32 signal = ptrace_notify(abi::SIGTRAP | (marked ? 0x80 : 0), message);
    if (!is_valid_signal(signal)) return;
    abi::SigInfo info;
    info.signo = signal;
    info.code = abi::SI_KERNEL;
    (void)send_signal_info(task, info, Target::Thread);
}

}  // namespace

bool ptrace_syscall_enter(arch::TrapFrame& frame) {
    Task& task = sched::current();
    const bool is_emulated = task.has(sched::kSyscallEmu);
    if (!is_emulated && !task.has(sched::kTraceSyscall)) return true;
    frame.rax =
        -static_cast<u64>(ENOSYS);  // what the tracer sees, and a call that it leaves out says
    report(task, abi::PTRACE_EVENTMSG_SYSCALL_ENTRY);
    if (fatal_signal_pending(task)) return false;
    return !is_emulated && static_cast<i32>(frame.orig_rax) != -1;
}

void ptrace_syscall_exit(arch::TrapFrame& frame) {
    Task& task = sched::current();
    if (task.has(sched::kTraceSyscall)) {
        report(task, abi::PTRACE_EVENTMSG_SYSCALL_EXIT);
    } else if (task.has(sched::kSingleStep) && !task.has(sched::kSyscallEmu)) {
        // The processor itself would trap one instruction too late.
        abi::SigInfo info;
        info.signo = abi::SIGTRAP;
        info.code = abi::TRAP_BRKPT;
        info.set_address(frame.rip);
        force_signal(info);
    }
}

}  // namespace process
