// Signals.

#include "core/time/clock.h"
#include "process/signal_internal.h"
#include "syscall/file/wait_args.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using process::kUnblockable;
using process::sig_bit;
using sched::PidNumber;
using sched::Task;

constexpr u64 kSetSize = sizeof(u64);

Result<void> sys_kill(PidNumber pid, int signal) { return process::kill(pid, signal); }

Result<void> sys_tgkill(PidNumber tgid, PidNumber tid, int signal) {
    if (tgid <= 0 || tid <= 0) return EINVAL;
    return process::tgkill(tgid, tid, signal);
}

Result<void> sys_tkill(PidNumber tid, int signal) {
    if (tid <= 0) return EINVAL;
    return process::tgkill(0, tid, signal);
}

Result<void> sys_rt_sigaction(int signal, UserPtr<const abi::KernelSigaction> wanted,
                              UserPtr<abi::KernelSigaction> old, u64 size) {
    if (size != kSetSize) return EINVAL;
    abi::KernelSigaction action;
    if (!wanted.is_null()) action = TRY(wanted.copy_in());
    const abi::KernelSigaction previous =
        TRY(process::do_sigaction(signal, wanted.is_null() ? nullptr : &action));
    if (old.is_null()) return {};
    return old.copy_out(previous);
}

Result<void> sys_rt_sigprocmask(int how, UserPtr<const u64> wanted, UserPtr<u64> old, u64 size) {
    if (size != kSetSize) return EINVAL;
    const u64 before = sched::current().blocked;
    if (!wanted.is_null()) {
        const u64 set = TRY(wanted.copy_in()) & ~kUnblockable;
        switch (how) {
        case abi::SIG_BLOCK: process::set_current_blocked(before | set); break;
        case abi::SIG_UNBLOCK: process::set_current_blocked(before & ~set); break;
        case abi::SIG_SETMASK: process::set_current_blocked(set); break;
        default: return EINVAL;
        }
    }
    if (old.is_null()) return {};
    return old.copy_out(before);
}

Result<void> sys_rt_sigpending(UserPtr<u64> set, u64 size) {
    if (size > kSetSize) return EINVAL;
    Task& task = sched::current();
    u64 pending;
    {
        IrqGuard guard(task.sighand->lock);
        pending = (task.pending->set | task.signal->shared_pending.set) & task.blocked;
    }
    return copy_to_user(set.address(), &pending, size);
}

/// Sleeps until there is a signal to deliver.
Result<void> wait_for_signal() {
    while (!signal_pending(sched::current())) {
        const Result<void> slept = sched::sleep_until(sched::kForever);
        if (!slept.ok()) break;
    }
    return ERESTARTNOHAND;
}

Result<void> sys_rt_sigsuspend(UserPtr<const u64> mask, u64 size) {
    if (size != kSetSize) return EINVAL;
    process::set_user_sigmask(TRY(mask.copy_in()));
    return wait_for_signal();
}

Result<void> sys_pause() { return wait_for_signal(); }

// --- sigtimedwait --------------------------------------------------------------------------------

/// Takes a signal of `set` if one is pending.
int take_signal(Task& task, u64 set, abi::SigInfo& info) {
    IrqGuard guard(task.sighand->lock);
    return process::dequeue_signal(task, ~set, info);
}

/// While the task waits, signals of `set` count as unblocked, so that they wake it.
class Unblocked {
public:
    Unblocked(Task& task, u64 set) : task_(task), blocked_(task.blocked) {
        change(blocked_ & ~set, blocked_);
    }
    Unblocked(const Unblocked&) = delete;
    ~Unblocked() { change(blocked_, 0); }

private:
    void change(u64 blocked, u64 real_blocked) {
        IrqGuard guard(task_.sighand->lock);
        task_.blocked = blocked;
        task_.real_blocked = real_blocked;
        process::recalc_sigpending(task_);
    }
    Task& task_;
    const u64 blocked_;
};

Result<u64> sys_rt_sigtimedwait(UserPtr<const u64> user_set, UserPtr<abi::SigInfo> user_info,
                                UserPtr<const abi::Timespec> timeout, u64 size) {
    if (size != kSetSize) return EINVAL;
    const u64 set = TRY(user_set.copy_in());
    const u64 deadline = TRY(deadline_in(timeout));
    abi::SigInfo info;
    const int number = TRY(do_sigtimedwait(set, deadline, info));
    if (!user_info.is_null()) TRY(user_info.copy_out(info));
    return static_cast<u64>(number);
}

// --- sigqueue ------------------------------------------------------------------------------------

/// A program may claim to be anybody, but not the kernel, nor kill().
Result<abi::SigInfo> checked_info(PidNumber target, int signal, UserPtr<const abi::SigInfo> at) {
    abi::SigInfo info = TRY(at.copy_in());
    if (!process::is_valid_signal(signal) && signal != 0) return EINVAL;
    info.signo = signal;
    const bool forged = info.code >= 0 || info.code == abi::SI_TKILL;
    if (forged && sched::current().tgid != target) return EPERM;
    return info;
}

Result<void> sys_rt_sigqueueinfo(PidNumber pid, int signal, UserPtr<const abi::SigInfo> info) {
    return process::send_to_process(pid, TRY(checked_info(pid, signal, info)));
}

Result<void> sys_rt_tgsigqueueinfo(PidNumber tgid, PidNumber tid, int signal,
                                   UserPtr<const abi::SigInfo> info) {
    const abi::SigInfo checked = TRY(checked_info(tgid, signal, info));
    if (tgid <= 0 || tid <= 0) return EINVAL;
    return process::send_to_thread(tgid, tid, checked);
}

// --- the alternate stack -------------------------------------------------------------------------

bool on_altstack(const Task& task) {
    const u64 base = task.altstack_base.raw(), sp = sched::user_frame(sched::current()).rsp;
    if (task.altstack_flags & (abi::SS_DISABLE | abi::SS_AUTODISARM)) return false;
    return sp > base && sp - base <= task.altstack_size;
}

Result<void> set_altstack(Task& task, const abi::StackT& wanted) {
    if (on_altstack(task)) return EPERM;
    const u32 mode = wanted.flags & ~abi::SS_AUTODISARM;
    if (mode != 0 && mode != abi::SS_DISABLE && mode != abi::SS_ONSTACK) return EINVAL;
    if (mode == abi::SS_DISABLE) {
        task.altstack_base = VirtAddr(0);
        task.altstack_size = 0;
    } else {
        if (wanted.size < abi::MINSIGSTKSZ) return ENOMEM;
        task.altstack_base = VirtAddr(wanted.base);
        task.altstack_size = wanted.size;
    }
    task.altstack_flags = wanted.flags & ~abi::SS_ONSTACK;
    return {};
}

Result<void> sys_sigaltstack(UserPtr<const abi::StackT> wanted, UserPtr<abi::StackT> old) {
    abi::StackT stack;
    if (!wanted.is_null()) stack = TRY(wanted.copy_in());
    const abi::StackT before = TRY(do_sigaltstack(wanted.is_null() ? nullptr : &stack));
    if (old.is_null()) return {};
    return old.copy_out(before);
}

u64 sys_restart_syscall(arch::TrapFrame&) {
    Task& task = sched::current();
    if (task.restart_function == nullptr) return -static_cast<u64>(EINTR);
    return task.restart_function(task);
}

constexpr Entry kCalls[] = {
    {13, "rt_sigaction", call<sys_rt_sigaction>},
    {14, "rt_sigprocmask", call<sys_rt_sigprocmask>},
    {15, "rt_sigreturn", call_frame<process::sys_rt_sigreturn>},
    {34, "pause", call<sys_pause>},
    {62, "kill", call<sys_kill>},
    {127, "rt_sigpending", call<sys_rt_sigpending>},
    {128, "rt_sigtimedwait", call<sys_rt_sigtimedwait>},
    {129, "rt_sigqueueinfo", call<sys_rt_sigqueueinfo>},
    {130, "rt_sigsuspend", call<sys_rt_sigsuspend>},
    {131, "sigaltstack", call<sys_sigaltstack>},
    {200, "tkill", call<sys_tkill>},
    {219, "restart_syscall", call_frame<sys_restart_syscall>},
    {234, "tgkill", call<sys_tgkill>},
    {297, "rt_tgsigqueueinfo", call<sys_rt_tgsigqueueinfo>},
};

}  // namespace

Result<int> do_sigtimedwait(u64 wanted, u64 deadline, abi::SigInfo& info) {
    const u64 set = wanted & ~kUnblockable;
    Task& task = sched::current();
    int number = take_signal(task, set, info);
    bool timed_out = deadline == 0;
    if (number == 0 && !timed_out) {
        Unblocked unblocked(task, set);
        if (!signal_pending(task)) timed_out = sched::sleep_until(deadline).ok();
        number = take_signal(task, set, info);
    }
    if (number == 0) return timed_out ? EAGAIN : EINTR;
    return number;
}

Result<abi::StackT> do_sigaltstack(const abi::StackT* wanted) {
    Task& task = sched::current();
    const abi::StackT before{
        .base = task.altstack_base.raw(),
        .flags = task.altstack_flags | (on_altstack(task) ? abi::SS_ONSTACK : 0),
        .reserved = 0,
        .size = task.altstack_size};
    if (wanted != nullptr) TRY(set_altstack(task, *wanted));
    return abi::StackT(before);
}

constinit const std::span<const Entry> kSignalCalls = kCalls;

}  // namespace syscall
