/// ptrace(2): a task (the tracer) watches another (the tracee), sees it stop, looks at it, changes
/// it, and lets it go on. Linux: kernel/ptrace.c, and the hooks all over kernel/.
///
/// The tracee stops by itself, in ptrace_stop(): at a signal, a system call, an event, a group
/// stop. It leaves a code for wait4(), tells the tracer, and sleeps in the state kTraced. Then the
/// tracer may make requests, each of which first *freezes* it (not even SIGKILL wakes it) and waits
/// until it is off its processor; so all its registers are in memory and hold still. Resuming wakes
/// it, with the signal that the tracer chose in `resume_signal`.
///
/// Task::ptrace says whether and how a task is traced, Task::jobctl what it has yet to stop for.
///
/// Locks: the tie between the two (tracer, ptrace, the list of tracees) is written under tasks_lock
/// and the tracee's sighand lock, so each of them is enough to read it. Everything else of a stop
/// is guarded by the sighand lock, but for what only the tracee itself uses, or the tracer while it
/// is frozen.
#pragma once

#include "arch/user_fault.h"
#include "core/user/iov_iter.h"
#include "process/signal_internal.h"
#include "vm/mm_struct.h"

namespace process {

struct CloneRequest;

/// Task::ptrace: 0 for who is not traced; options of PTRACE_SETOPTIONS in the same word.
inline constexpr u32 kPtraced = 1u << 31;
inline constexpr u32 kSeized = 1u << 30;  // by PTRACE_SEIZE: group stops are told apart

/// Task::jobctl.
inline constexpr u32 kTrapStop = 1
                                 << 0;  // is to stop: PTRACE_INTERRUPT, a group stop, a new tracee
inline constexpr u32 kTrapNotify =
    1 << 1;  // seized: tell the tracer that a group stop began or ended
inline constexpr u32 kListening = 1 << 2;     // stopped, and the tracer waits for kTrapNotify only
inline constexpr u32 kFrozen = 1 << 3;        // a request is being made: not even SIGKILL wakes it
inline constexpr u32 kKilledFrozen = 1 << 4;  // … as would have happened meanwhile
inline constexpr u32 kTrapWork = kTrapStop | kTrapNotify;

inline bool is_traced(const Task& task) { return task.ptrace != 0; }
inline bool traces_event(const Task& task, u32 event) { return (task.ptrace & 1u << event) != 0; }

/// Tasks that are traced, and trace events of system calls that are on: while it is 0 no system
/// call has to look whether somebody watches it.
extern constinit std::atomic<u32> syscall_watchers;

// --- access.cc -----------------------------------------------------------------------------------

/// May the running task look into `task`? FileSystem: as for its files, by fsuid (procfs).
/// EPERM: other users', one that must not be dumped, one with more capabilities.
enum class Access : u8 { Real, FileSystem };
Result<void> ptrace_may_access(const Task& task, Access as);

/// Whether the tracer of `task` must not get power over more rights than the task has: execve()
/// then gains none.
bool ptrace_forbids_rights(const Task& task) REQUIRES(tasks_lock);

// --- attach.cc -----------------------------------------------------------------------------------

/// PTRACE_TRACEME: EPERM if it is traced already. Whoever forked the running task is the tracer.
Result<void> ptrace_traceme();

/// PTRACE_ATTACH and PTRACE_SEIZE. EPERM: not allowed, traced already, ending, a thread of one's
/// own, init or a kernel thread. EIO, EINVAL: `options` or `address` of SEIZE.
Result<void> ptrace_attach(Task& task);
Result<void> ptrace_seize(Task& task, u64 address, u64 options);

/// Ends the tie. The tracee is stopped and frozen by the caller, or not stopped at all.
void ptrace_unlink(Task& task) REQUIRES(tasks_lock);

/// PTRACE_DETACH of a frozen tracee, which goes on with `signal`. EIO: no signal.
Result<void> ptrace_detach(Task& task, u64 signal);

/// The running thread ends: its tracees are let go, or killed (PTRACE_O_EXITKILL). Dead ones that
/// nobody else waits for are added to `dead`.
void exit_ptrace(Task& task, List<Task, &Task::sibling_link>& dead) REQUIRES(tasks_lock);

/// Fork: the event that the tracer of the running task wants to hear of it, or 0.
u32 ptrace_fork_event(const CloneRequest& request);
/// The child is traced by the tracer of the running task, and will stop at once.
void ptrace_init_task(Task& child, Task& parent) REQUIRES(tasks_lock);

// --- stop.cc -------------------------------------------------------------------------------------

/// A signal was taken for the running task, whose tracer is asked. False if nothing is left to
/// deliver; else `delivery` has what the tracer made of it.
bool ptrace_signal(Task& task, Delivery& delivery);

/// The running task stops for what is in jobctl: the group stop or PTRACE_INTERRUPT.
void ptrace_jobctl_trap(Task& task);

/// Stops for an event, if the tracer asked for it; `message` is what GETEVENTMSG says.
void ptrace_event(u32 event, u64 message);

/// execve() succeeded; `old_pid` is what the thread was called before.
void ptrace_exec(sched::PidNumber old_pid);

/// A single step ended at the first instruction of a handler.
void ptrace_step_into_handler();

/// The running task stops with wait status code `code`, and GETSIGINFO says SIGTRAP. Returns the
/// signal that the tracer wants it to get, or 0.
i32 ptrace_notify(i32 code, u64 message);

/// Gets a task to look at its jobctl, also if it is in PTRACE_LISTEN. The sighand lock is held.
void trap_wake_up(Task& task);

/// A group stop began or ended: a seized tracee tells its tracer. The sighand lock is held.
void ptrace_trap_notify(Task& task);

/// A debug exception that no tracer waits for any more, since it has gone. True if it is dropped.
bool ptrace_drops_fault(const arch::UserFault& fault);

/// Tells the tracer of `task` that it stopped, continued or died: SIGCHLD, and wait4() looks again.
void notify_tracer(Task& task, i32 why, i32 status) REQUIRES(tasks_lock);

// --- syscall_stop.cc -----------------------------------------------------------------------------

/// Before and after a system call of the running task, while syscall_watchers is not 0. The
/// registers may change meanwhile, the number in orig_rax too. Entering is false if the call is to
/// be left out.
bool ptrace_syscall_enter(arch::TrapFrame& frame);
void ptrace_syscall_exit(arch::TrapFrame& frame);

// --- step.cc -------------------------------------------------------------------------------------

/// Lets a task raise a debug exception after each instruction of user mode, or not any more. The
/// task is the running one or frozen.
void enable_single_step(Task& task);
void disable_single_step(Task& task);

// --- request.cc ----------------------------------------------------------------------------------

/// ptrace(2), as the call takes it: what it returns, or ESRCH (no such tracee, or it has not
/// stopped), EPERM, EIO (nonsense, memory that is not there), EFAULT, EINVAL.
Result<u64> do_ptrace(i64 request, sched::PidNumber pid, u64 address, u64 data);

// --- memory.cc -----------------------------------------------------------------------------------

/// The address space of `task`, for who may look into it; put() it. ESRCH: it has none. EPERM.
Result<vm::MmStruct*> mm_access(Task& task, Access as);

/// process_vm_readv(2), process_vm_writev(2): moves memory of process `pid` to or from `local`.
/// How much was moved; ESRCH, EPERM, EFAULT if the first byte is not there.
enum class Transfer : u8 { Read, Write };
Result<usize> process_vm_rw(sched::PidNumber pid, IovIter& local, std::span<const UserIoVec> remote,
                            Transfer how);

}  // namespace process
