#include "process/ptrace/siginfo.h"

#include "abi/ptrace.h"
#include "core/user/user_ptr.h"

namespace process {

namespace {

constexpr u64 kSetSize = sizeof(u64);

/// The signal number `index` of a queue, or null.
const sched::SigQueue* queued_at(const PendingSignals& pending, u64 index) {
    for (const sched::SigQueue& queued : pending.queue) {
        if (index-- == 0) return &queued;
    }
    return nullptr;
}

/// False at the end of the queue.
bool copy_queued(Task& task, u32 flags, u64 index, abi::SigInfo& info) {
    IrqGuard guard(task.sighand->lock);
    const PendingSignals& pending =
        (flags & abi::PTRACE_PEEKSIGINFO_SHARED) ? task.signal->shared_pending : *task.pending;
    const sched::SigQueue* const queued = queued_at(pending, index);
    if (queued != nullptr) info = queued->info;
    return queued != nullptr;
}

/// The arguments as the door that the call came through has them.
void fill_arguments(const Task& task, const arch::TrapFrame& frame, u64 (&values)[7]) {
    values[0] = frame.orig_rax;
    if (!task.has(sched::kCompatCall)) {
        const u64 native[] = {frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9};
        for (int i = 0; i < 6; i++) values[i + 1] = native[i];
    } else {
        const u64 compat[] = {frame.rbx, frame.rcx, frame.rdx, frame.rsi, frame.rdi, frame.rbp};
        for (int i = 0; i < 6; i++) values[i + 1] = u32(compat[i]);
    }
}

bool is_error(u64 result) { return result >= -u64{4095}; }

}  // namespace

Result<void> get_siginfo(Task& task, u64 to) {
    if (task.last_siginfo == nullptr) return EINVAL;
    const abi::SigInfo info = *task.last_siginfo;
    return UserPtr<abi::SigInfo>(to).copy_out(info);
}

Result<void> set_siginfo(Task& task, u64 from) {
    const abi::SigInfo info = TRY(UserPtr<const abi::SigInfo>(from).copy_in());
    if (task.last_siginfo == nullptr) return EINVAL;
    *task.last_siginfo = info;
    return {};
}

Result<void> get_sigmask(Task& task, u64 size, u64 to) {
    if (size != kSetSize) return EINVAL;
    const u64 mask = task.has(sched::kRestoreSigmask) ? task.saved_sigmask : task.blocked;
    return UserPtr<u64>(to).copy_out(mask);
}

Result<void> set_sigmask(Task& task, u64 size, u64 from) {
    if (size != kSetSize) return EINVAL;
    const u64 mask = TRY(UserPtr<const u64>(from).copy_in()) & ~kUnblockable;
    IrqGuard guard(task.sighand->lock);
    task.clear(sched::kRestoreSigmask);
    task.blocked = mask;  // it looks at its signals anyway when it goes on
    return {};
}

Result<u64> peek_siginfo(Task& task, u64 arguments, u64 to) {
    const auto wanted = TRY(UserPtr<const abi::PtracePeekSiginfoArgs>(arguments).copy_in());
    if ((wanted.flags & ~abi::PTRACE_PEEKSIGINFO_SHARED) || wanted.count < 0) return EINVAL;
    const UserPtr<abi::SigInfo> room(to);
    u64 done = 0;
    abi::SigInfo info;
    while (done < u64(wanted.count) && !fatal_signal_pending(sched::current()) &&
           copy_queued(task, wanted.flags, wanted.offset + done, info)) {
        const Result<void> copied = (room + done).copy_out(info);
        if (!copied.ok() && done == 0) return copied.error();
        if (!copied.ok()) break;
        done++;
    }
    return done;
}

Result<u64> get_syscall_info(Task& task, u64 size, u64 to) {
    const arch::TrapFrame& frame = sched::user_frame(task);
    abi::PtraceSyscallInfo info;
    info.instruction_pointer = frame.rip;
    info.stack_pointer = frame.rsp;
    if (task.has(sched::kCompatCall)) info.arch = abi::AUDIT_ARCH_I386;
    usize bytes = abi::kSyscallInfoNone;
    constexpr i32 kMarked = abi::SIGTRAP | 0x80;
    const bool in_call = task.last_siginfo != nullptr && task.last_siginfo->code == kMarked;
    if (in_call && task.ptrace_message == abi::PTRACE_EVENTMSG_SYSCALL_ENTRY) {
        info.op = abi::PTRACE_SYSCALL_INFO_ENTRY;
        fill_arguments(task, frame, info.values);
        bytes = abi::kSyscallInfoEntry;
    } else if (in_call && task.ptrace_message == abi::PTRACE_EVENTMSG_SYSCALL_EXIT) {
        info.op = abi::PTRACE_SYSCALL_INFO_EXIT;
        info.values[0] = frame.rax;
        info.values[1] = is_error(frame.rax);
        bytes = abi::kSyscallInfoExit;
    }
    TRY(copy_to_user(VirtAddr(to), &info, std::min<usize>(size, bytes)));
    return u64{bytes};
}

}  // namespace process
