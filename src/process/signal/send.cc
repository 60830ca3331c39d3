// Sending signals: who gets it, who is woken, and what happens at once.

#include "abi/prctl.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "core/log/printk.h"
#include "process/ptrace/ptrace.h"
#include "process/signal_internal.h"
#include "process/signalfd.h"
#include "process/trace_events.h"

namespace process {

using sched::SigQueue;

namespace {

/// What the mere arrival of a signal changes; false if it is then forgotten.
bool prepare_signal(Task& task, int number, bool force) REQUIRES(tasks_lock, task.sighand->lock) {
    SignalStruct& signal = *task.signal;
    if (signal.group_exit) return number == abi::SIGKILL;
    if (sig_bit(number) & kStopSignals) {
        flush_pending(signal.shared_pending, sig_bit(abi::SIGCONT));
        for_each_thread(
            signal, [&](Task& thread) { flush_pending(*thread.pending, sig_bit(abi::SIGCONT)); });
    } else if (number == abi::SIGCONT) {
        flush_pending(signal.shared_pending, kStopSignals);
        if (signal.stop_signal != 0) {
            signal.wait_flags = kWaitContinued | kNotifyContinued;
        }
        signal.wait_flags &= ~kStopDequeued;
        signal.stop_signal = 0;
        signal.stop_count = 0;
        for_each_thread(signal, [&](Task& thread) {
            flush_pending(*thread.pending, kStopSignals);
            thread.clear(sched::kNotifyResume);
            if (signal.wait_flags & kNotifyContinued) thread.set(sched::kSigPending);
            ptrace_trap_notify(thread);
            sched::try_to_wake_up(thread, sched::kStopped);
        });
    }
    const u64 blocked = task.blocked | task.real_blocked;
    if (is_traced(task) && number != abi::SIGKILL) return true;  // the tracer may want to know
    return force || (blocked & sig_bit(number)) || !is_ignored(task, number);
}

bool wants_signal(const Task& task, int number) {
    if ((task.blocked & sig_bit(number)) || task.has(sched::kExiting)) return false;
    if (number == abi::SIGKILL) return true;
    if (task.state.load() & (sched::kStopped | sched::kTraced)) return false;
    return task.on_cpu.load() || !signal_pending(task);
}

Task* choose_thread(Task& task, int number, Target target) REQUIRES(tasks_lock) {
    if (wants_signal(task, number)) return &task;
    if (target == Target::Thread) return nullptr;
    for (Task& thread : task.signal->leader->threads) {
        if (wants_signal(thread, number)) return &thread;
    }
    return nullptr;
}

/// True if the signal ends the process.
bool is_fatal(const Task& task, int number) REQUIRES(task.sighand->lock) {
    return task.sighand->action[number - 1].handler == abi::SIG_DFL &&
           !(sig_bit(number) & (kIgnoredByDefault | kStopSignals));
}

void complete_signal(Task& task, int number, Target target)
    REQUIRES(tasks_lock, task.sighand->lock) {
    Task* const chosen = choose_thread(task, number, target);
    if (chosen == nullptr) return;
    const bool awaited = chosen->real_blocked & sig_bit(number);  // in sigtimedwait()
    // A core is written by the thread that takes the signal, which then ends the others.
    const bool ends_all = is_fatal(task, number) && !(sig_bit(number) & kCoreSignals);
    const bool asks_tracer = is_traced(task) && number != abi::SIGKILL;
    if (ends_all && !awaited && !asks_tracer && !task.signal->group_exit) {
        zap_process(*task.signal, number);
    } else {
        signal_wake_up(*chosen, number == abi::SIGKILL);
    }
}

/// `ignored`, if given, tells whether the signal was thrown away because nobody wants it.
Result<void> do_send(Task& task, const abi::SigInfo& info, Target target, bool force,
                     bool* ignored = nullptr) REQUIRES(tasks_lock) {
    if (task.sighand == nullptr) return {};  // kernel threads have no signals
    const int number = info.signo;
    IrqGuard guard(task.sighand->lock);
    if (!prepare_signal(task, number, force)) {
        if (ignored != nullptr) *ignored = !task.signal->group_exit;
        return {};
    }
    PendingSignals& pending =
        target == Target::Process ? task.signal->shared_pending : *task.pending;
    const bool queues = number >= abi::SIGRTMIN;
    if (!queues && (pending.set & sig_bit(number))) return {};
    if (!queue_signal(task, pending, info) && queues && info.code != abi::SI_USER) {
        return EAGAIN;
    }
    pending.set |= sig_bit(number);
    signalfd_notify(*task.sighand);
    complete_signal(task, number, target);
    return {};
}

void trace_generate(const Task& task, const abi::SigInfo& info, Target target, bool ok) {
    if (!trace::is_enabled<SignalGenerate>()) return;
    SignalGenerate record{.sig = info.signo,
                          .error = info.error,
                          .code = info.code,
                          .comm = {},
                          .pid = task.pid,
                          .group = target == Target::Process,
                          .result = ok ? 0 : 2};
    copy_comm(record.comm, task);
    trace::point(record);
}

}  // namespace

bool is_ignored(Task& task, int signal) {
    const u64 handler = task.sighand->action[signal - 1].handler;
    if (handler == abi::SIG_IGN) return true;
    if (handler != abi::SIG_DFL) return false;
    return (sig_bit(signal) & kIgnoredByDefault) || task.tgid == sched::kInitPid;
}

void signal_wake_up(Task& task, bool fatal) {
    using namespace sched;
    if (fatal) task.set(kKilled);
    task.set(kSigPending);
    const bool frozen = task.jobctl & kFrozen;
    if (fatal && frozen) task.jobctl |= kKilledFrozen;
    const u32 traced = frozen ? 0u : u32{kTraced};
    const u32 states = kInterruptible | (fatal ? kWakeKill | kStopped | traced : 0);
    if (!sched::try_to_wake_up(task, states)) sched::kick_process(task);
}

void zap_process(SignalStruct& signal, i32 code) {
    signal.group_exit = true;
    signal.group_exit_code = code;
    signal.stop_signal = 0;
    signal.stop_count = 0;
    for_each_thread(signal, [](Task& thread) {
        thread.clear(sched::kNotifyResume);
        if (thread.has(sched::kExiting)) return;
        thread.pending->set |= sig_bit(abi::SIGKILL);
        signal_wake_up(thread, true);
    });
}

Result<void> send_signal_locked(Task& task, const abi::SigInfo& info, Target target) {
    const Result<void> sent = do_send(task, info, target, false);
    trace_generate(task, info, target, sent.ok());
    return sent;
}

bool send_signal_unless_ignored(Task& task, const abi::SigInfo& info) {
    bool ignored = false;
    const Result<void> sent = do_send(task, info, Target::Process, false, &ignored);
    trace_generate(task, info, Target::Process, sent.ok());
    return !ignored;
}

bool send_sigqueue(SigQueue& queued, Task& task, Target target) {
    const int number = queued.info.signo;
    bool wanted = true;
    {
        IrqGuard guard(task.sighand->lock);
        if (task.signal->group_exit) return true;
        wanted = prepare_signal(task, number, false);
        if (wanted && !queued.link.is_linked()) {
            PendingSignals& pending =
                target == Target::Process ? task.signal->shared_pending : *task.pending;
            pending.queue.push_back(queued);
            pending.set |= sig_bit(number);
            queued.pending = &pending;
            signalfd_notify(*task.sighand);
            complete_signal(task, number, target);
        }
    }
    trace_generate(task, queued.info, target, wanted);
    return wanted;
}

void cancel_sigqueue(SigQueue& queued) {
    Task& task = sched::current();
    IrqGuard guard(task.sighand->lock);
    if (!queued.link.is_linked()) return;
    queued.link.unlink();
    PendingSignals& pending = *queued.pending;
    for (const SigQueue& other : pending.queue) {
        if (other.info.signo == queued.info.signo) return;
    }
    pending.set &= ~sig_bit(queued.info.signo);
    recalc_sigpending(task);
}

Result<void> send_signal_info(Task& task, const abi::SigInfo& info, Target target) {
    IrqGuard guard(tasks_lock);
    return send_signal_locked(task, info, target);
}

void send_signal(Task& task, int signal, Target target) {
    abi::SigInfo info;
    info.signo = signal;
    info.code = abi::SI_KERNEL;
    (void)send_signal_info(task, info, target);
}

void send_signal_to_self(int signal) {
    const abi::SigInfo info = info_from_current(signal, abi::SI_USER);
    (void)send_signal_info(sched::current(), info, Target::Thread);
}

void force_signal(const abi::SigInfo& info) {
    Task& task = sched::current();
    IrqGuard guard(tasks_lock);
    {
        IrqGuard sighand_guard(task.sighand->lock);
        abi::KernelSigaction& action = task.sighand->action[info.signo - 1];
        const bool blocked = task.blocked & sig_bit(info.signo);
        if (blocked || action.handler == abi::SIG_IGN) action.handler = abi::SIG_DFL;
        task.blocked &= ~sig_bit(info.signo);
    }
    (void)do_send(task, info, Target::Thread, true);
    trace_generate(task, info, Target::Thread, true);
}

abi::SigInfo info_from_current(int signal, i32 code) {
    const Task& task = sched::current();
    abi::SigInfo info;
    info.signo = signal;
    info.code = code;
    info.set_sender(task.tgid, task.cred.uid);
    return info;
}

Result<void> check_kill_permission(int signal, Task& target) {
    const Task& sender = sched::current();
    const sched::Cred &mine = sender.cred, &theirs = target.cred;
    if (target.tgid == sender.tgid) return {};
    if (mine.euid == theirs.suid || mine.euid == theirs.uid) return {};
    if (mine.uid == theirs.suid || mine.uid == theirs.uid) return {};
    if (mine.has(abi::CAP_KILL)) return {};
    const bool same_session = target.signal && target.signal->session == sender.signal->session;
    if (signal == abi::SIGCONT && same_session) return {};
    return EPERM;
}

}  // namespace process

/// Linux' show_unhandled_signals: a program that dies of a fault leaves a line in the log.
static void log_unhandled(const arch::TrapFrame& frame, int signal, VirtAddr at) {
    const sched::Task& task = sched::current();
    IrqGuard guard(task.sighand->lock);
    if (process::is_traced(task)) return;  // the tracer sees it
    const u64 handler = task.sighand->action[signal - 1].handler;
    const bool handled = handler != abi::SIG_DFL && handler != abi::SIG_IGN;
    if (handled && !(task.blocked & process::sig_bit(signal))) return;
    printk(Level::Info, "%s[%d]: signal %d at %#x ip %#x sp %#x\n", &task.comm[0], task.pid, signal,
           at.raw(), frame.rip, frame.rsp);
}

void upcall::user_fault(arch::TrapFrame& frame, const arch::UserFault& fault) {
    sched::Task& task = sched::current();
    task.arch.trap_number = fault.vector;
    task.arch.trap_error = fault.error;
    if (fault.vector == arch::kPageFault) task.arch.fault_address = fault.address.raw();
    if (process::ptrace_drops_fault(fault)) return;
    abi::SigInfo info;
    info.signo = fault.signal;
    info.code = fault.code;
    info.set_address(fault.address.raw());
    if (fault.signal != abi::SIGTRAP) log_unhandled(frame, fault.signal, fault.address);
    process::force_signal(info);
}
