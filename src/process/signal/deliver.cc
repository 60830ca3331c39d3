// Delivery: on the way back to user mode the task looks at its signals, and dies, stops, or goes
// to a handler.

#include "process/coredump/coredump.h"
#include "process/process.h"
#include "process/ptrace/ptrace.h"
#include "process/rseq.h"
#include "process/signal_internal.h"
#include "process/trace_events.h"

namespace process {

namespace {

enum class Next : u8 { Nothing, Handler, Die, Stop, JoinStop, Trap, NotifyParent, AskTracer };

/// Whether `info` comes from a fault of the program itself, which even init cannot survive.
bool is_forced(const abi::SigInfo& info) {
    return info.code > 0 && (sig_bit(info.signo) & kSynchronous);
}

void trace_deliver(const Delivery& delivery) {
    if (!trace::is_enabled<SignalDeliver>()) return;
    trace::point(SignalDeliver{.sig = delivery.signal,
                               .error = delivery.info.error,
                               .code = delivery.info.code,
                               .sa_handler = delivery.action.handler,
                               .sa_flags = delivery.action.flags});
}

/// What the default of a signal without handler is.
Next default_action(const Task& task, const Delivery& delivery) {
    const u64 bit = sig_bit(delivery.signal);
    if (bit & kIgnoredByDefault) return Next::Nothing;
    if (task.tgid == sched::kInitPid && !is_forced(delivery.info)) return Next::Nothing;
    return (bit & kStopSignals) ? Next::Stop : Next::Die;
}

/// What a signal that was taken means to the task; Nothing: it is ignored.
Next act_on(Task& task, Delivery& delivery) REQUIRES(task.sighand->lock) {
    abi::KernelSigaction& action = task.sighand->action[delivery.signal - 1];
    delivery.action = action;
    trace_deliver(delivery);
    if (action.handler == abi::SIG_IGN) return Next::Nothing;
    if (action.handler == abi::SIG_DFL) return default_action(task, delivery);
    if (action.flags & abi::SA_RESETHAND) action.handler = abi::SIG_DFL;
    return Next::Handler;
}

/// Takes signals until one of them means something.
Next take_signal(Task& task, Delivery& delivery) REQUIRES(task.sighand->lock) {
    for (;;) {
        delivery.signal = dequeue_signal(task, task.blocked, delivery.info);
        if (delivery.signal == 0) return Next::Nothing;
        if (is_traced(task) && delivery.signal != abi::SIGKILL) return Next::AskTracer;
        const Next next = act_on(task, delivery);
        if (next != Next::Nothing) return next;
    }
}

/// The tracer decides first.
Next ask_tracer(Task& task, Delivery& delivery) {
    if (!ptrace_signal(task, delivery)) return Next::Nothing;
    IrqGuard guard(task.sighand->lock);
    return act_on(task, delivery);
}

Next choose(Task& task, Delivery& delivery) {
    SignalStruct& signal = *task.signal;
    IrqGuard guard(task.sighand->lock);
    if (signal.group_exit) {
        delivery.signal = signal.group_exit_code;
        return Next::Die;
    }
    if (signal.exec_task && signal.exec_task != &task) {  // see de_thread()
        delivery.signal = abi::SIGKILL;
        return Next::Die;
    }
    if (signal.wait_flags & kNotifyContinued) {
        signal.wait_flags &= ~kNotifyContinued;
        return Next::NotifyParent;
    }
    if (task.has(sched::kNotifyResume)) return Next::JoinStop;
    if (task.jobctl & kTrapWork) return Next::Trap;
    return take_signal(task, delivery);
}

/// The process is to stop: every thread is told, and the running one goes first.
void begin_group_stop(Task& task, int number) {
    IrqGuard guard(tasks_lock);
    SignalStruct& signal = *task.signal;
    IrqGuard sighand_guard(task.sighand->lock);
    const bool continued_since = !(signal.wait_flags & kStopDequeued);
    if (continued_since || signal.group_exit) return;
    // A tracee may run in a process that has stopped, and be stopped by another signal.
    if (signal.stop_signal == 0) {
        signal.stop_signal = number;
        signal.stop_count = 0;
    } else if (!is_traced(task)) {
        return;
    }
    for_each_thread(signal, [&](Task& thread) {
        const bool stopped = thread.state.load() & sched::kStopped;
        if (thread.has(sched::kExiting) || stopped || thread.has(sched::kNotifyResume)) return;
        signal.stop_count++;
        thread.set(sched::kNotifyResume);
        if (&thread == &task) return;
        if (thread.ptrace & kSeized) {
            ptrace_trap_notify(thread);
        } else {
            signal_wake_up(thread, false);
        }
    });
}

/// A tracee stops as the tracer wants to see it.
bool stops_as_tracee(Task& task) REQUIRES(task.sighand->lock) {
    if (!is_traced(task)) return false;
    task.jobctl |= kTrapStop;
    task.set(sched::kSigPending);
    return true;
}

/// The running thread stops; the last one to do so reports that the process has. Its state says so
/// before the report: who is told of a stop finds it stopped.
void join_group_stop(Task& task) {
    SignalStruct& signal = *task.signal;
    bool is_last = false, stops = false;
    {
        IrqGuard guard(task.sighand->lock);
        if (!task.has(sched::kNotifyResume)) return;
        task.clear(sched::kNotifyResume);
        if (signal.stop_count > 0 && --signal.stop_count == 0) {
            signal.wait_flags = (signal.wait_flags & ~kWaitContinued) | kWaitStopped;
            is_last = true;
        }
        stops = signal.stop_signal != 0 && !signal.group_exit && !stops_as_tracee(task);
        if (stops) sched::set_special_state(sched::kStopped);
    }
    if (is_last) notify_parent_of_job_control(task, abi::CLD_STOPPED);
    if (stops) sched::schedule();
}

/// A stop by the terminal would last for ever if nobody with job control could continue it.
void stop_if_useful(Task& task, int number) {
    if (number != abi::SIGSTOP && is_orphaned_pgrp(task.signal->pgrp)) return;
    begin_group_stop(task, number);
    join_group_stop(task);
}

/// `signal` is a wait status if the process is ending already.
[[noreturn]] void die(const Delivery& delivery) {
    const int number = delivery.signal & 0x7f;
    if (is_valid_signal(number) && (sig_bit(number) & kCoreSignals)) do_coredump(delivery.info);
    do_group_exit(delivery.signal);
}

/// True if a handler is to run; returns only when nothing else is left to do.
bool get_signal(Delivery& delivery) {
    Task& task = sched::current();
    for (;;) {
        Next next = choose(task, delivery);
        if (next == Next::AskTracer) {
            next = ask_tracer(task, delivery);
            if (next == Next::Nothing) continue;
        }
        switch (next) {
        case Next::Nothing:
        case Next::AskTracer: return false;
        case Next::Handler: return true;
        case Next::Die: die(delivery);
        case Next::Stop: stop_if_useful(task, delivery.signal); break;
        case Next::JoinStop: join_group_stop(task); break;
        case Next::Trap: ptrace_jobctl_trap(task); break;
        case Next::NotifyParent: notify_parent_of_job_control(task, abi::CLD_CONTINUED); break;
        }
    }
}

constexpr u64 result_of(Errno why) { return -static_cast<u64>(why); }
constexpr u64 kSyscallInsn = 2;  // length of SYSCALL and of int $0x80

/// The number of restart_syscall at the door that the interrupted call came through.
u64 restart_number() {
    constexpr u64 kNative = 219, kI386 = 0;
    Task& task = sched::current();
    if (!task.has(sched::kRestartI386)) return kNative;
    task.clear(sched::kRestartI386);
    return kI386;
}

void restart(arch::TrapFrame& frame, u64 number) {
    frame.rax = number;
    frame.rip -= kSyscallInsn;
}

/// No handler runs: an interrupted call simply begins again.
void restart_without_handler(arch::TrapFrame& frame) {
    if (frame.orig_rax == ~u64{0}) return;
    switch (frame.rax) {
    case result_of(ERESTARTSYS):
    case result_of(ERESTARTNOINTR):
    case result_of(ERESTARTNOHAND): restart(frame, frame.orig_rax); break;
    case result_of(ERESTART_RESTARTBLOCK): restart(frame, restart_number()); break;
    default: return;
    }
    frame.orig_rax = ~u64{0};
}

/// A handler runs first: the call begins again after it only if it may.
void restart_after_handler(arch::TrapFrame& frame, const abi::KernelSigaction& action) {
    if (frame.orig_rax == ~u64{0}) return;
    switch (frame.rax) {
    case result_of(ERESTARTNOINTR): restart(frame, frame.orig_rax); break;
    case result_of(ERESTARTSYS):
        if (action.flags & abi::SA_RESTART) {
            restart(frame, frame.orig_rax);
        } else {
            frame.rax = result_of(EINTR);
        }
        break;
    case result_of(ERESTART_RESTARTBLOCK):
        sched::current().clear(sched::kRestartI386);
        [[fallthrough]];
    case result_of(ERESTARTNOHAND): frame.rax = result_of(EINTR); break;
    }
    frame.orig_rax = ~u64{0};
}

void handle_signal(const Delivery& delivery, arch::TrapFrame& frame) {
    Task& task = sched::current();
    restart_after_handler(frame, delivery.action);
    const bool steps = task.has(sched::kSingleStep);
    if (steps) disable_single_step(task);  // the handler's frame shows the program's own flags
    if (task.rseq_area.raw() != 0) rseq_resume(frame);
    u64 mask = task.blocked;
    if (task.has(sched::kRestoreSigmask)) {
        task.clear(sched::kRestoreSigmask);
        mask = task.saved_sigmask;
    }
    if (!setup_rt_frame(delivery, mask, frame).ok()) {
        force_sigsegv(delivery.signal);
        return;
    }
    u64 blocked = task.blocked | delivery.action.mask;
    if (!(delivery.action.flags & abi::SA_NODEFER)) blocked |= sig_bit(delivery.signal);
    set_current_blocked(blocked);
    if (steps) ptrace_step_into_handler();
}

}  // namespace

void notify_parent_of_job_control(Task& task, i32 why) {
    IrqGuard guard(tasks_lock);
    Task& leader = *task.signal->leader;
    Task& parent = *leader.parent;
    if (parent.signal == nullptr) return;
    abi::SigInfo info;
    info.signo = abi::SIGCHLD;
    info.code = why;
    info.set_sender(leader.pid, leader.cred.uid);
    info.set_child(why == abi::CLD_CONTINUED ? abi::SIGCONT : task.signal->stop_signal, 0, 0);
    bool wanted = false;
    {
        IrqGuard sighand_guard(parent.sighand->lock);
        const abi::KernelSigaction& action = parent.sighand->action[abi::SIGCHLD - 1];
        wanted = action.handler != abi::SIG_IGN && !(action.flags & abi::SA_NOCLDSTOP);
    }
    if (wanted) (void)send_signal_locked(parent, info, Target::Process);
    parent.signal->child_exit.wake_all();
    if (why == abi::CLD_CONTINUED && is_traced(leader) && leader.tracer->signal != parent.signal) {
        notify_tracer(leader, why, abi::SIGCONT);
    }
}

void force_sigsegv(int failed_signal) {
    Task& task = sched::current();
    if (failed_signal == abi::SIGSEGV) {
        IrqGuard guard(task.sighand->lock);
        task.sighand->action[abi::SIGSEGV - 1].handler = abi::SIG_DFL;
    }
    abi::SigInfo info;
    info.signo = abi::SIGSEGV;
    info.code = abi::SI_KERNEL;
    force_signal(info);
}

void do_signal(arch::TrapFrame& frame) {
    Delivery delivery;
    if (get_signal(delivery)) {
        handle_signal(delivery, frame);
        return;
    }
    restart_without_handler(frame);
    Task& task = sched::current();
    if (task.has(sched::kRestoreSigmask)) {
        task.clear(sched::kRestoreSigmask);
        set_current_blocked(task.saved_sigmask);
    }
}

}  // namespace process
