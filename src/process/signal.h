/// Sending signals. Linux: kernel/signal.c (the sending half).
#pragma once

#include "abi/signal.h"
#include "lib/result.h"
#include "sched/task.h"

namespace process {

/// Queues `info` for the process of `task` (any of its threads may take it) or for the thread
/// alone, wakes whoever should act on it, and applies the side effects at once (SIGKILL kills,
/// SIGCONT continues). Ignored signals vanish. EAGAIN if the queue is full (real-time signals).
/// Any context; takes the task list lock and the sighand lock, so no spin lock may be held.
enum class Target : u8 { Process, Thread };
Result<void> send_signal_info(sched::Task& task, const abi::SigInfo& info, Target target);

/// A signal from the kernel itself (SI_KERNEL).
void send_signal(sched::Task& task, int signal, Target target = Target::Process);

/// What a call costs the running thread (SIGPIPE, SIGXFSZ): as if it had sent it to itself.
void send_signal_to_self(int signal);

/// A fault of the running task: unblocks and un-ignores the signal if need be, so that it cannot
/// be missed.
void force_signal(const abi::SigInfo& info);

/// To every process of a group; ESRCH if there is none. For terminals: SI_KERNEL, no permission
/// check.
Result<void> kill_pgrp(sched::PidNumber pgrp, int signal);

/// kill(2) from the running task, with permission checks: EPERM, ESRCH, EINVAL.
Result<void> kill(sched::PidNumber pid, int signal);
Result<void> tgkill(sched::PidNumber tgid, sched::PidNumber tid, int signal);

/// Sends a prepared signal to one thread (of process `tgid`, if that is > 0), or to a process, with
/// the same checks.
Result<void> send_to_thread(sched::PidNumber tgid, sched::PidNumber tid, const abi::SigInfo& info);
Result<void> send_to_process(sched::PidNumber pid, const abi::SigInfo& info);

/// True if `signal` would be ignored or is blocked by `task`: for SIGTTIN and SIGTTOU.
bool is_ignored_or_blocked(sched::Task& task, int signal);

/// True if no other process outside the group, in the same session, is parent of a member.
bool is_orphaned_pgrp(sched::PidNumber pgrp);

/// The registers are saved: delivers pending signals, builds handler frames, restarts system
/// calls. Called by return_to_user() when kSigPending is set.
void do_signal(arch::TrapFrame& frame);

}  // namespace process
