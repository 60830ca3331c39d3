/// The inside of signals: shared by the files of signal/ and by fork, exit and wait.
///
/// Where a signal is between kill() and its handler: in the `pending` of one thread, or in the
/// `shared_pending` of the process, from where the first thread that does not block it takes it.
/// The bit in `set` says that it is pending; a SigQueue with the details may exist (always for
/// real-time signals, of which several can wait).
///
/// Locks: tasks_lock for who is in which process, then sighand->lock for everything pending.
/// Walking the threads of a process needs tasks_lock, so every sender takes both.
///
/// Invariant: a task clears its own kSigPending only, under its sighand lock (recalc_sigpending);
/// so a system call that gave up with ERESTART* always passes do_signal() on its way out.
#pragma once

#include "process/signal.h"
#include "sched/sched.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace process {

using sched::PendingSignals;
using sched::SighandStruct;
using sched::SignalStruct;
using sched::Task;
using sched::tasks_lock;

constexpr u64 sig_bit(int signal) { return u64{1} << (signal - 1); }
constexpr bool is_valid_signal(int signal) { return signal >= 1 && signal <= abi::kSignals; }

inline constexpr u64 kUnblockable = sig_bit(abi::SIGKILL) | sig_bit(abi::SIGSTOP);
inline constexpr u64 kStopSignals =
    sig_bit(abi::SIGSTOP) | sig_bit(abi::SIGTSTP) | sig_bit(abi::SIGTTIN) | sig_bit(abi::SIGTTOU);
inline constexpr u64 kIgnoredByDefault =
    sig_bit(abi::SIGCONT) | sig_bit(abi::SIGCHLD) | sig_bit(abi::SIGWINCH) | sig_bit(abi::SIGURG);
/// By default these leave a core file.
inline constexpr u64 kCoreSignals =
    sig_bit(abi::SIGQUIT) | sig_bit(abi::SIGILL) | sig_bit(abi::SIGTRAP) | sig_bit(abi::SIGABRT) |
    sig_bit(abi::SIGFPE) | sig_bit(abi::SIGSEGV) | sig_bit(abi::SIGBUS) | sig_bit(abi::SIGSYS) |
    sig_bit(abi::SIGXCPU) | sig_bit(abi::SIGXFSZ);
/// Raised by what the program did just now: delivered before all others.
inline constexpr u64 kSynchronous = sig_bit(abi::SIGSEGV) | sig_bit(abi::SIGBUS) |
                                    sig_bit(abi::SIGILL) | sig_bit(abi::SIGTRAP) |
                                    sig_bit(abi::SIGFPE) | sig_bit(abi::SIGSYS);

/// SignalStruct::wait_flags, guarded by the sighand lock.
inline constexpr u32 kWaitStopped = 1 << 0;      // wait4() may report that it stopped
inline constexpr u32 kWaitContinued = 1 << 1;    // … or that it continued
inline constexpr u32 kNotifyContinued = 1 << 2;  // the parent is to be told so by a thread
inline constexpr u32 kStopDequeued = 1 << 3;     // a stop signal was taken, and no SIGCONT since

/// Calls `body(Task&)` for each thread of the process.
template <class Body>
void for_each_thread(SignalStruct& signal, Body body) REQUIRES(tasks_lock) {
    for (Task& thread : signal.leader->threads) body(thread);
}

// --- signal/queue.cc; the sighand lock is held --------------------------------------------------

/// Adds a SigQueue, which counts for the real user of `task`. False if memory does not allow it, or
/// RLIMIT_SIGPENDING of the task's process; the limit is for real-time signals and for what
/// sigqueue() sends. The task list lock is held, too: the user does not change.
bool queue_signal(Task& task, PendingSignals& pending, const abi::SigInfo& info);
/// Takes the next signal that is not in `blocked`, for the running task: 0 if there is none. If it
/// was a timer's, that is started again, for which the lock is released for a moment.
int dequeue_signal(Task& task, u64 blocked, abi::SigInfo& info);
/// Forgets the pending signals in `mask`. True if one of a timer was among them.
bool flush_pending(PendingSignals& pending, u64 mask);
/// Brings the task's kSigPending up to date; `task` is the running one, or not yet running.
void recalc_sigpending(Task& task);

// --- signal/send.cc ------------------------------------------------------------------------------

Result<void> send_signal_locked(Task& task, const abi::SigInfo& info, Target target)
    REQUIRES(tasks_lock);
/// The same to the process; false if the signal vanished because it is ignored.
bool send_signal_unless_ignored(Task& task, const abi::SigInfo& info) REQUIRES(tasks_lock);
/// Queues an entry that its owner keeps, or leaves it queued if it is. False if the signal is
/// ignored; then it is not queued.
bool send_sigqueue(sched::SigQueue& queued, Task& task, Target target) REQUIRES(tasks_lock);
/// Takes such an entry of the running process out again, if it is queued.
void cancel_sigqueue(sched::SigQueue& queued) REQUIRES(tasks_lock);
/// Every thread of the process is to die with wait status `code`. The sighand lock is held too.
void zap_process(SignalStruct& signal, i32 code) REQUIRES(tasks_lock);
/// Marks the task and gets it to look: out of an interruptible sleep, and if `fatal` out of any
/// stop.
void signal_wake_up(Task& task, bool fatal);
/// True if a handler or the default says that nothing happens.
bool is_ignored(Task& task, int signal) REQUIRES(task.sighand->lock);
/// May the running task signal that one? EPERM.
Result<void> check_kill_permission(int signal, Task& target) REQUIRES(tasks_lock);
abi::SigInfo info_from_current(int signal, i32 code);

// --- signal/kill.cc ------------------------------------------------------------------------------

/// Sends to one target if the running task may; with signal 0, only asks. EPERM, EAGAIN.
Result<void> send_checked(Task& task, const abi::SigInfo& info, Target target) REQUIRES(tasks_lock);

// --- signal/action.cc ---------------------------------------------------------------------------

/// Replaces the running task's mask, without SIGKILL and SIGSTOP.
void set_current_blocked(u64 blocked);
/// For calls with a mask of their own (ppoll, sigsuspend): until the call is over.
void set_user_sigmask(u64 mask);

/// The running thread is about to end: no signal waits for it, nor a stop. If it is part of a core
/// dump, returns after that.
void exit_signals(Task& task);

/// sigaction(2); `wanted` may be null. EINVAL.
Result<abi::KernelSigaction> do_sigaction(int signal, const abi::KernelSigaction* wanted);
/// Copies handlers to a structure that nobody else has seen; the lock of `from` is held.
void copy_handlers(SighandStruct& to, const SighandStruct& from) NO_LOCK_ANALYSIS;
/// execve(): own handlers if they were shared (ENOMEM), all but ignored signals back to default.
Result<void> unshare_sighand(Task& task);
void flush_signal_handlers(Task& task);

// --- signal/deliver.cc, signal/frame.cc ---------------------------------------------------------

struct Delivery {
    int signal;
    abi::SigInfo info;
    abi::KernelSigaction action;
};
/// Tells the parent of the process that it stopped or continued.
void notify_parent_of_job_control(Task& task, i32 why);
/// A frame that cannot be built or read: SIGSEGV, by default if that was what failed.
void force_sigsegv(int failed_signal);
/// Builds the handler's frame on the user's stack and lets it start there. EFAULT.
Result<void> setup_rt_frame(const Delivery& delivery, u64 saved_mask, arch::TrapFrame& frame);
/// rt_sigreturn(2): the value for rax; kills the program if its frame is not acceptable.
u64 sys_rt_sigreturn(arch::TrapFrame& frame);

}  // namespace process
