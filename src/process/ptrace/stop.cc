// Stopping: the tracee's side.

#include "abi/ptrace.h"
#include "process/ptrace/ptrace.h"
#include "process/trace_events.h"

namespace process {

namespace {

/// How a stop is told, and what becomes of it.
struct Stop {
    i32 code;                      // as wait4() reports it
    i32 why = abi::CLD_TRAPPED;    // as SIGCHLD reports it
    abi::SigInfo* info = nullptr;  // what GETSIGINFO shows
    i32 resume_signal = 0;         // … with if the tracer goes away
    bool even_if_killed = false;   // PTRACE_EVENT_EXIT
};

/// What the stop tells of the group stop is still so; SIGCONT may have come since it was decided.
bool is_current(const Task& task, const Stop& stop) REQUIRES(task.sighand->lock) {
    const i32 now = task.signal->stop_signal;
    return (stop.code & 0x7f) == (now != 0 ? now : abi::SIGTRAP);
}

/// The running task is about to sleep, and everybody can see it. False if it must not.
bool begin_stop(Task& task, const Stop& stop) REQUIRES(tasks_lock) {
    IrqGuard guard(task.sighand->lock);
    if (!is_traced(task)) return false;
    if (fatal_signal_pending(task) && !stop.even_if_killed) return false;
    task.stop_code = stop.code;
    task.resume_signal = stop.resume_signal;
    task.last_siginfo = stop.info;
    task.jobctl &= ~kTrapStop;
    // If not, the mark stays, and PTRACE_LISTEN will find it.
    if (stop.why == abi::CLD_STOPPED && is_current(task, stop)) task.jobctl &= ~kTrapNotify;
    sched::set_special_state(sched::kTraced);
    return true;
}

/// It goes on: nothing of the stop is left. Returns the signal to go on with.
i32 end_stop(Task& task) {
    IrqGuard guard(task.sighand->lock);
    task.last_siginfo = nullptr;
    task.stop_code = 0;
    task.jobctl &= ~(kListening | kFrozen | kKilledFrozen);
    recalc_sigpending(task);
    return std::exchange(task.resume_signal, 0);
}

/// Sleeps until the tracer, SIGKILL or the end of the tracer lets the running task go on. Returns
/// the signal that it shall get: `stop.resume_signal` if there was no stop.
i32 ptrace_stop(Task& task, const Stop& stop) {
    {
        IrqGuard guard(tasks_lock);
        if (!begin_stop(task, stop)) return stop.resume_signal;
        notify_tracer(task, stop.why, stop.code & 0x7f);
    }
    sched::schedule();
    return end_stop(task);
}

/// A stop that is no signal: GETSIGINFO says SIGTRAP, and the code.
abi::SigInfo info_of(int signal, i32 code) { return info_from_current(signal, code); }

/// The tracer chose another signal: it is as if it came from the tracer.
void replace_signal(Task& task, Delivery& delivery, int signal) {
    delivery.signal = signal;
    IrqGuard guard(tasks_lock);
    delivery.info = {};
    delivery.info.signo = signal;
    if (task.tracer != nullptr) {
        delivery.info.set_sender(task.tracer->tgid, task.tracer->cred.uid);
    }
}

/// A signal that is blocked by now waits in the queue like any other. True if it does.
bool requeue_if_blocked(Task& task, const Delivery& delivery) {
    IrqGuard guard(tasks_lock);
    if (!(task.blocked & sig_bit(delivery.signal))) return false;
    (void)send_signal_locked(task, delivery.info, Target::Thread);
    return true;
}

}  // namespace

i32 ptrace_notify(i32 code, u64 message) {
    Task& task = sched::current();
    task.ptrace_message = message;
    abi::SigInfo info = info_of(abi::SIGTRAP, code);
    return ptrace_stop(task, {.code = code, .info = &info});
}

bool ptrace_signal(Task& task, Delivery& delivery) {
    const int signal = ptrace_stop(
        task, {.code = delivery.signal, .info = &delivery.info, .resume_signal = delivery.signal});
    if (signal == 0) return false;
    if (signal != delivery.info.signo) replace_signal(task, delivery, signal);
    delivery.signal = signal;
    {
        IrqGuard guard(task.sighand->lock);
        task.signal->wait_flags |= kStopDequeued;  // so that a stop signal can stop
    }
    return !requeue_if_blocked(task, delivery);
}

void ptrace_jobctl_trap(Task& task) {
    i32 signal;
    bool seized;
    {
        IrqGuard guard(task.sighand->lock);
        task.jobctl &= ~kTrapStop;
        signal = task.signal->stop_signal;
        seized = task.ptrace & kSeized;
    }
    if (!seized) {
        if (signal != 0) (void)ptrace_stop(task, {.code = signal, .why = abi::CLD_STOPPED});
        return;
    }
    if (signal == 0) signal = abi::SIGTRAP;
    const i32 code = signal | i32(abi::PTRACE_EVENT_STOP) << 8;
    abi::SigInfo info = info_of(signal, code);
    (void)ptrace_stop(task, {.code = code, .why = abi::CLD_STOPPED, .info = &info});
}

void ptrace_event(u32 event, u64 message) {
    Task& task = sched::current();
    if (event == 0 || !traces_event(task, event)) return;
    const i32 code = abi::SIGTRAP | i32(event) << 8;
    task.ptrace_message = message;
    abi::SigInfo info = info_of(abi::SIGTRAP, code);
    (void)ptrace_stop(
        task, {.code = code, .info = &info, .even_if_killed = event == abi::PTRACE_EVENT_EXIT});
}

void ptrace_exec(sched::PidNumber old_pid) {
    Task& task = sched::current();
    if (!is_traced(task)) return;
    if (traces_event(task, abi::PTRACE_EVENT_EXEC)) {
        ptrace_event(abi::PTRACE_EVENT_EXEC, static_cast<u64>(old_pid));
    } else if (!(task.ptrace & kSeized)) {
        (void)send_signal_info(task, info_of(abi::SIGTRAP, abi::SI_USER), Target::Thread);
    }
}

void trap_wake_up(Task& task) {
    signal_wake_up(task, false);
    if (task.jobctl & kListening) sched::try_to_wake_up(task, sched::kTraced);
}

void ptrace_trap_notify(Task& task) {
    if (!(task.ptrace & kSeized)) return;
    task.jobctl |= kTrapNotify;
    trap_wake_up(task);
}

void ptrace_step_into_handler() { (void)ptrace_notify(abi::SIGTRAP, 0); }

void notify_tracer(Task& task, i32 why, i32 status) {
    Task& tracer = *task.tracer;
    abi::SigInfo info;
    info.signo = abi::SIGCHLD;
    info.code = why;
    info.set_sender(task.pid, task.cred.uid);
    info.set_child(status, 0, 0);
    bool wanted = false;
    {
        IrqGuard guard(tracer.sighand->lock);
        const abi::KernelSigaction& action = tracer.sighand->action[abi::SIGCHLD - 1];
        const bool is_end = why <= abi::CLD_DUMPED;
        wanted = action.handler != abi::SIG_IGN && (is_end || !(action.flags & abi::SA_NOCLDSTOP));
    }
    if (wanted) (void)send_signal_locked(tracer, info, Target::Process);
    tracer.signal->child_exit.wake_all();
}

}  // namespace process
