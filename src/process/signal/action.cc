// Handlers and masks: what a process has decided about signals.

#include "mm/own.h"
#include "process/coredump/coredump.h"
#include "process/process.h"
#include "process/signal_internal.h"
#include "process/timer/posix_timer.h"

namespace process {

namespace {

constexpr u64 kKnownFlags = abi::SA_NOCLDSTOP | abi::SA_NOCLDWAIT | abi::SA_SIGINFO |
                            abi::SA_EXPOSE_TAGBITS | abi::SA_RESTORER | abi::SA_ONSTACK |
                            abi::SA_RESTART | abi::SA_NODEFER | abi::SA_RESETHAND;

/// Signals for the process that the running thread no longer takes may have woken only this one:
/// lets the others look.
void retarget_shared_pending(Task& task, u64 newly_blocked) {
    IrqGuard guard(tasks_lock);
    IrqGuard sighand_guard(task.sighand->lock);
    const u64 pending = task.signal->shared_pending.set & newly_blocked;
    if (pending == 0) return;
    for_each_thread(*task.signal, [&](Task& thread) {
        if (&thread != &task && (pending & ~thread.blocked) && !thread.has(sched::kExiting)) {
            signal_wake_up(thread, false);
        }
    });
}

/// The new handler is in place; what is pending and now ignored is forgotten, in all threads.
/// `had_timer` tells whether there was a signal of a timer among that.
abi::KernelSigaction exchange_action(Task& task, int signal, const abi::KernelSigaction& wanted,
                                     bool& had_timer) REQUIRES(tasks_lock) {
    IrqGuard guard(task.sighand->lock);
    abi::KernelSigaction& action = task.sighand->action[signal - 1];
    const abi::KernelSigaction old = action;
    action = wanted;
    action.flags &= kKnownFlags;
    action.mask &= ~kUnblockable;
    if (!is_ignored(task, signal)) return old;
    SignalStruct& process = *task.signal;
    had_timer = flush_pending(process.shared_pending, sig_bit(signal));
    for_each_thread(process, [&](Task& thread) {
        had_timer |= flush_pending(*thread.pending, sig_bit(signal));
    });
    if (signal == abi::SIGALRM) restart_real_timer(process);
    return old;
}

}  // namespace

void set_current_blocked(u64 blocked) {
    Task& task = sched::current();
    const u64 wanted = blocked & ~kUnblockable;
    if (task.blocked == wanted) return;
    const u64 newly_blocked = wanted & ~task.blocked;
    bool others_should_look = false;
    {
        IrqGuard guard(task.sighand->lock);
        others_should_look = (task.signal->shared_pending.set & newly_blocked) &&
                             task.signal->live_threads.load() > 1;
        task.blocked = wanted;
        recalc_sigpending(task);
    }
    if (others_should_look) retarget_shared_pending(task, newly_blocked);
}

void set_user_sigmask(u64 mask) {
    Task& task = sched::current();
    task.saved_sigmask = task.blocked;
    task.set(sched::kRestoreSigmask);
    set_current_blocked(mask);
}

void exit_signals(Task& task) {
    SignalStruct& signal = *task.signal;
    bool completes_stop = false, is_dumped = false;
    {
        IrqGuard guard(task.sighand->lock);
        is_dumped = signal.core != nullptr;
        task.set(sched::kExiting);
        if (task.has(sched::kNotifyResume)) {
            task.clear(sched::kNotifyResume);
            completes_stop = signal.stop_count > 0 && --signal.stop_count == 0;
            if (completes_stop) signal.wait_flags |= kWaitStopped;
        }
    }
    if (signal.live_threads.load() > 1) retarget_shared_pending(task, ~task.blocked);
    if (completes_stop) notify_parent_of_job_control(task, abi::CLD_STOPPED);
    if (is_dumped) wait_for_core_dump(task);
}

Result<abi::KernelSigaction> do_sigaction(int signal, const abi::KernelSigaction* wanted) {
    if (!is_valid_signal(signal)) return EINVAL;
    if (wanted && (sig_bit(signal) & kUnblockable)) return EINVAL;
    Task& task = sched::current();
    if (wanted == nullptr) {
        IrqGuard guard(task.sighand->lock);
        return abi::KernelSigaction(task.sighand->action[signal - 1]);
    }
    // What is pending and now ignored is forgotten, in all threads: hence the task list.
    IrqGuard guard(tasks_lock);
    bool had_timer = false;
    const abi::KernelSigaction old = exchange_action(task, signal, *wanted, had_timer);
    if (had_timer) posix_timers_flushed(*task.signal);
    return abi::KernelSigaction(old);
}

void copy_handlers(SighandStruct& to, const SighandStruct& from) {
    for (int i = 0; i < abi::kSignals; i++) to.action[i] = from.action[i];
}

Result<void> unshare_sighand(Task& task) {
    if (task.sighand->ref_count.value() == 1) return {};
    mm::Own<SighandStruct> own = TRY(mm::make<SighandStruct>());
    SighandStruct* const shared = task.sighand;
    {
        IrqGuard guard(tasks_lock);
        {
            IrqGuard shared_guard(shared->lock);
            copy_handlers(*own, *shared);
        }
        task.sighand = own.leak();
    }
    if (shared->ref_count.dec_and_test()) SighandStruct::release(shared);
    return {};
}

void flush_signal_handlers(Task& task) {
    IrqGuard guard(task.sighand->lock);
    for (abi::KernelSigaction& action : task.sighand->action) {
        const bool ignored = action.handler == abi::SIG_IGN;
        action = {};
        if (ignored) action.handler = abi::SIG_IGN;
    }
}

}  // namespace process

void sched::SighandStruct::release(SighandStruct* sighand) { mm::destroy(sighand); }
