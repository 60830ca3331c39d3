// Making, replacing, ending and awaiting processes; their groups and sessions.

#include "abi/fcntl.h"
#include "abi/sched.h"
#include "abi/wait.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "fs/fd_table.h"
#include "lib/string.h"
#include "process/exec/exec.h"
#include "process/pidfd.h"
#include "process/process.h"
#include "process/rseq.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"
#include "syscall/user_path.h"
#include "syscall/user_struct.h"

namespace syscall {

namespace {

using sched::PidNumber;
using sched::Task;

// --- fork and its relatives ----------------------------------------------------------------------

u64 sys_fork(arch::TrapFrame& frame) {
    return to_register(process::kernel_clone({.exit_signal = abi::SIGCHLD}, frame));
}

u64 sys_vfork(arch::TrapFrame& frame) {
    return to_register(process::kernel_clone(
        {.flags = abi::CLONE_VFORK | abi::CLONE_VM, .exit_signal = abi::SIGCHLD}, frame));
}

u64 sys_clone(arch::TrapFrame& frame) {
    const u64 flags = static_cast<u32>(frame.rdi);
    return to_register(process::kernel_clone({.flags = flags & ~abi::CSIGNAL,
                                              .exit_signal = static_cast<u32>(flags & abi::CSIGNAL),
                                              .stack = frame.rsi,
                                              .parent_tid = UserPtr<i32>(frame.rdx),
                                              .child_tid = UserPtr<i32>(frame.r10),
                                              .tls = frame.r8,
                                              .pidfd = UserPtr<i32>(frame.rdx)},
                                             frame));
}

/// struct clone_args may be longer than ours, if what we do not know is zero.
Result<abi::CloneArgs> copy_clone_args(VirtAddr at, u64 size) {
    if (size > kPageSize) return E2BIG;
    if (size < abi::kCloneArgsSize0) return EINVAL;
    return copy_struct_from_user<abi::CloneArgs>(at, size);
}

/// set_tid holds a number for each pid namespace from the child's outwards; here there is one. 0:
/// none is wanted.
Result<PidNumber> copy_wanted_tid(const abi::CloneArgs& args) {
    if (args.set_tid_size > abi::kMaxPidNsLevel) return EINVAL;
    if ((args.set_tid == 0) != (args.set_tid_size == 0)) return EINVAL;
    if (args.set_tid == 0) return PidNumber{0};
    PidNumber wanted[abi::kMaxPidNsLevel];
    TRY(copy_from_user(wanted, VirtAddr(args.set_tid), args.set_tid_size * sizeof *wanted));
    if (args.set_tid_size > 1 || wanted[0] <= 0) return EINVAL;
    return PidNumber{wanted[0]};
}

Result<void> check_clone_args(const abi::CloneArgs& args, u64 size) {
    using namespace abi;
    constexpr u64 kLegacy = 0xffff'ffff, kHandlers = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND;
    if ((args.exit_signal & ~CSIGNAL) || args.exit_signal > kSignals) return EINVAL;
    const bool bad_cgroup = args.cgroup > INT32_MAX || size < kCloneArgsSize2;
    if ((args.flags & CLONE_INTO_CGROUP) && bad_cgroup) return EINVAL;
    if (args.flags & ~(kLegacy | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)) return EINVAL;
    if (args.flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME))) return EINVAL;
    if ((args.flags & kHandlers) == kHandlers) return EINVAL;
    if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal) return EINVAL;
    if ((args.stack == 0) != (args.stack_size == 0)) return EINVAL;
    if (!arch::is_user_range(VirtAddr(args.stack), args.stack_size)) return EINVAL;
    if (args.flags & CLONE_INTO_CGROUP) return EBADF;  // there is no cgroup that could be open
    return {};
}

Result<process::CloneRequest> clone3_request(VirtAddr at, u64 size) {
    const abi::CloneArgs args = TRY(copy_clone_args(at, size));
    const PidNumber wanted_tid = TRY(copy_wanted_tid(args));
    TRY(check_clone_args(args, size));
    return process::CloneRequest{.flags = args.flags,
                                 .exit_signal = static_cast<u32>(args.exit_signal),
                                 .stack = args.stack + args.stack_size,
                                 .parent_tid = UserPtr<i32>(args.parent_tid),
                                 .child_tid = UserPtr<i32>(args.child_tid),
                                 .tls = args.tls,
                                 .pidfd = UserPtr<i32>(args.pidfd),
                                 .wanted_tid = wanted_tid};
}

u64 sys_clone3(arch::TrapFrame& frame) {
    Result<process::CloneRequest> request = clone3_request(VirtAddr(frame.rdi), frame.rsi);
    if (!request.ok()) return -static_cast<u64>(request.error());
    return to_register(process::kernel_clone(request.value(), frame));
}

// --- execve --------------------------------------------------------------------------------------

process::StringList strings_at(u64 at) { return {.user = VirtAddr(at)}; }

u64 sys_execve(arch::TrapFrame& frame) {
    const ExecPointers at{frame.rdi, strings_at(frame.rsi), strings_at(frame.rdx)};
    return to_register(do_exec(frame, abi::AT_FDCWD, at, 0));
}

u64 sys_execveat(arch::TrapFrame& frame) {
    const ExecPointers at{frame.rsi, strings_at(frame.rdx), strings_at(frame.r10)};
    return to_register(do_exec(frame, static_cast<int>(frame.rdi), at, static_cast<u32>(frame.r8)));
}

// --- exit and wait -------------------------------------------------------------------------------

Result<void> sys_exit(int code) { process::do_exit(abi::status_exited(code)); }
Result<void> sys_exit_group(int code) { process::do_group_exit(abi::status_exited(code)); }

Result<u64> sys_wait4(PidNumber pid, UserPtr<i32> status, u32 options, UserPtr<abi::Rusage> usage) {
    const process::WaitOutcome outcome = TRY(do_wait4(pid, options));
    if (outcome.pid == 0) return u64{0};
    if (!status.is_null()) TRY(status.copy_out(outcome.status));
    if (!usage.is_null()) TRY(usage.copy_out(outcome.usage));
    return static_cast<u64>(outcome.pid);
}

/// A pidfd that does not block turns "not yet" into EAGAIN.
Result<process::WaitOutcome> wait_for_pidfd(int fd, u32 options) {
    if (fd < 0) return EINVAL;
    auto file = TRY(fs::fget(fd));
    process::WaitRequest request{.type = abi::P_PIDFD, .id = 0, .options = options};
    request.process = TRY(process::process_of_pidfd(*file));
    if (file->is_nonblocking()) request.options |= abi::WNOHANG;
    const process::WaitOutcome outcome = TRY(process::do_wait(request));
    if (outcome.pid == 0 && !(options & abi::WNOHANG)) return EAGAIN;
    return process::WaitOutcome(outcome);
}

/// Only what waitid() has to say: the rest of the caller's siginfo_t stays.
Result<void> write_wait_info(VirtAddr at, const abi::SigInfo& info) {
    constexpr usize kNumbers = offsetof(abi::SigInfo, reserved);  // si_signo, si_errno, si_code
    constexpr usize kChild = 3 * sizeof(u32);                     // si_pid, si_uid, si_status
    TRY(copy_to_user(at, &info, kNumbers));
    return copy_to_user(at + offsetof(abi::SigInfo, fields), info.fields, kChild);
}

Result<void> sys_waitid(int type, PidNumber id, UserPtr<abi::SigInfo> info, u32 options,
                        UserPtr<abi::Rusage> usage) {
    Result<process::WaitOutcome> waited = do_waitid(type, id, options);
    process::WaitOutcome outcome;
    if (waited.ok()) outcome = waited.value();
    if (!usage.is_null() && outcome.pid != 0) TRY(usage.copy_out(outcome.usage));
    if (!info.is_null()) TRY(write_wait_info(info.address(), wait_info(outcome)));
    if (!waited.ok()) return waited.error();
    return {};
}

// --- who, and with whom --------------------------------------------------------------------------

Result<u64> sys_getpid() { return static_cast<u64>(sched::current().tgid); }
Result<u64> sys_gettid() { return static_cast<u64>(sched::current().pid); }

/// Without the task list lock, as it is the yardstick of a cheap call. The parent may end and be
/// freed while we look; its memory stays mapped, and since reparenting comes before freeing, an
/// unchanged pointer proves that what was read is true.
Result<u64> sys_getppid() {
    Task* const volatile& parent = sched::current().group_leader->parent;
    for (;;) {
        const Task* const seen = parent;
        const PidNumber pid = seen->tgid;
        arch::barrier();
        if (parent == seen) return static_cast<u64>(pid);
    }
}

Result<u64> sys_setsid() { return static_cast<u64>(TRY(process::setsid())); }
Result<void> sys_setpgid(PidNumber pid, PidNumber pgrp) { return process::setpgid(pid, pgrp); }
Result<u64> sys_getpgrp() { return static_cast<u64>(sched::current().signal->pgrp); }

Result<u64> pgrp_or_session(PidNumber pid, PidNumber sched::SignalStruct::*field) {
    IrqGuard guard(sched::tasks_lock);
    const Task* task = pid == 0 ? &sched::current() : sched::find_task(pid);
    if (task == nullptr) return ESRCH;
    return task->signal ? static_cast<u64>(task->signal->*field) : u64{0};
}
Result<u64> sys_getpgid(PidNumber pid) { return pgrp_or_session(pid, &sched::SignalStruct::pgrp); }
Result<u64> sys_getsid(PidNumber pid) {
    return pgrp_or_session(pid, &sched::SignalStruct::session);
}

Result<void> sys_rseq(VirtAddr area, u32 size, i32 flags, u32 signature) {
    if (flags == abi::RSEQ_FLAG_UNREGISTER) {
        return process::rseq_unregister(area, size, signature);
    }
    if (flags != 0) return EINVAL;
    return process::rseq_register(area, size, signature);
}

Result<u64> sys_set_tid_address(VirtAddr at) {
    sched::current().clear_child_tid = at;
    return static_cast<u64>(sched::current().pid);
}

constexpr Entry kCalls[] = {
    {39, "getpid", call<sys_getpid>},
    {56, "clone", call_frame<sys_clone>},
    {57, "fork", call_frame<sys_fork>},
    {58, "vfork", call_frame<sys_vfork>},
    {59, "execve", call_frame<sys_execve>},
    {60, "exit", call<sys_exit>},
    {61, "wait4", call<sys_wait4>},
    {109, "setpgid", call<sys_setpgid>},
    {110, "getppid", call<sys_getppid>},
    {111, "getpgrp", call<sys_getpgrp>},
    {112, "setsid", call<sys_setsid>},
    {121, "getpgid", call<sys_getpgid>},
    {124, "getsid", call<sys_getsid>},
    {186, "gettid", call<sys_gettid>},
    {218, "set_tid_address", call<sys_set_tid_address>},
    {334, "rseq", call<sys_rseq>},
    {231, "exit_group", call<sys_exit_group>},
    {247, "waitid", call<sys_waitid>},
    {322, "execveat", call_frame<sys_execveat>},
    {435, "clone3", call_frame<sys_clone3>},
};

}  // namespace

Result<void> do_exec(arch::TrapFrame& frame, int dirfd, const ExecPointers& at, u32 flags) {
    const UserPath path = TRY(UserPath::copy_in(UserPtr<const char>(at.name)));
    return process::do_execveat(
        {.dirfd = dirfd, .name = path.view(), .at_flags = flags, .argv = at.argv, .envp = at.envp},
        frame);
}

Result<process::WaitOutcome> do_wait4(PidNumber pid, u32 options) {
    constexpr u32 kKnown = abi::WNOHANG | abi::WUNTRACED | abi::WCONTINUED | abi::kWaitNoThread |
                           abi::kWaitAll | abi::kWaitClone;
    if (options & ~kKnown) return EINVAL;
    if (pid == INT32_MIN) return ESRCH;
    process::WaitRequest request{.type = abi::P_PID, .id = pid, .options = options | abi::WEXITED};
    if (pid == -1) {
        request.type = abi::P_ALL;
    } else if (pid <= 0) {
        request.type = abi::P_PGID;
        request.id = pid == 0 ? sched::current().signal->pgrp : -pid;
    }
    return process::do_wait(request);
}

Result<process::WaitOutcome> do_waitid(int type, PidNumber id, u32 options) {
    constexpr u32 kEvents = abi::WEXITED | abi::WSTOPPED | abi::WCONTINUED;
    constexpr u32 kKnown = kEvents | abi::WNOHANG | abi::WNOWAIT | abi::kWaitNoThread |
                           abi::kWaitAll | abi::kWaitClone;
    if ((options & ~kKnown) || !(options & kEvents)) return EINVAL;
    switch (type) {
    case abi::P_ALL: break;
    case abi::P_PID:
        if (id <= 0) return EINVAL;
        break;
    case abi::P_PGID:
        if (id < 0) return EINVAL;
        if (id == 0) id = sched::current().signal->pgrp;
        break;
    case abi::P_PIDFD: return wait_for_pidfd(id, options);
    default: return EINVAL;
    }
    return process::do_wait({.type = type, .id = id, .options = options});
}

abi::SigInfo wait_info(const process::WaitOutcome& outcome) {
    abi::SigInfo info;
    if (outcome.pid == 0) return info;
    info.signo = abi::SIGCHLD;
    info.set_sender(outcome.pid, outcome.uid);
    const i32 status = outcome.status;
    if (status == abi::kStatusContinued) {
        info.code = abi::CLD_CONTINUED;
        info.set_child(abi::SIGCONT, 0, 0);
    } else if ((status & 0xff) == 0x7f) {
        info.code = outcome.trapped ? abi::CLD_TRAPPED : abi::CLD_STOPPED;
        info.set_child(status >> 8, 0, 0);
    } else if (status & 0x7f) {
        info.code = (status & abi::kStatusCore) ? abi::CLD_DUMPED : abi::CLD_KILLED;
        info.set_child(status & 0x7f, 0, 0);
    } else {
        info.code = abi::CLD_EXITED;
        info.set_child(status >> 8, 0, 0);
    }
    return info;
}

constinit const std::span<const Entry> kProcessCalls = kCalls;

}  // namespace syscall
