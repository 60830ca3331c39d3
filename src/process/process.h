/// Processes: how they begin, end, and are waited for. Linux: kernel/fork.c, kernel/exit.c.
///
/// A process is the set of tasks that share a SignalStruct; its first task, the leader, stays as
/// a zombie until all others are gone and the parent has asked for its status. All children of a
/// process hang on its leader, whichever thread made them.
///
/// Locks: tasks_lock guards the family, then sighand->lock.
#pragma once

#include <span>

#include "abi/resource.h"
#include "abi/signal.h"
#include "arch/trap_frame.h"
#include "core/user/user_ptr.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace process {

// --- fork.cc -------------------------------------------------------------------------------------

/// clone(2), as all its relatives ask for it.
struct CloneRequest {
    u64 flags = 0;  // CLONE_* without the signal
    u32 exit_signal = 0;
    u64 stack = 0;  // the child's stack pointer; 0: the parent's
    UserPtr<i32> parent_tid = {}, child_tid = {};
    u64 tls = 0;                      // CLONE_SETTLS: the child's FS base,
    bool tls_is_area = false;         // or the address of a UserDesc (i386)
    UserPtr<i32> pidfd = {};          // with CLONE_PIDFD: where its number goes
    sched::PidNumber wanted_tid = 0;  // clone3's set_tid; 0: any
};

/// Makes a child of the running task that returns 0 from the same system call, and starts it.
/// Returns its number. EINVAL for flags that contradict each other or ask for what is not there
/// (namespaces) and for a wanted_tid that can be none, EEXIST if that is taken, EPERM without
/// CAP_CHECKPOINT_RESTORE for it, or for a bad tls (EFAULT, EINVAL for a bad UserDesc); EAGAIN if
/// there are too many tasks, ENOMEM, EFAULT or EMFILE for the pidfd, ERESTARTNOINTR if a signal
/// should be handled first. With CLONE_VFORK, sleeps until the child has called execve() or ended.
Result<sched::PidNumber> kernel_clone(const CloneRequest& request, const arch::TrapFrame& frame);

/// No more tasks than this: what root wants (/proc/sys/kernel/threads-max), else what fits into
/// memory.
u64 max_threads();
extern constinit std::atomic<u32> wanted_max_threads;  // 0: nothing in particular

/// The child of a vfork has its own memory now, or is gone: its parent may go on.
void complete_vfork(sched::Task& task);

/// Gives back what a task that nobody has ever seen holds of a process, and the task.
void discard_new_task(sched::Task& task);

/// Fresh parts for a process without a parent to copy from. ENOMEM.
Result<void> make_process_parts(sched::Task& task);

// --- exit.cc, de_thread.cc
// -------------------------------------------------------------------------------------

/// Ends the running thread; `status` as wait4() reports it. init must not: panic.
[[noreturn]] void do_exit(i32 status);
/// Ends the running process with all its threads.
[[noreturn]] void do_group_exit(i32 status);

/// What a task owes to others in its address space before it leaves it: robust locks, the word at
/// clear_child_tid. For exit and execve.
void mm_release(sched::Task& task);

/// From here on a task that runs into an error of the kernel dies instead of the machine. Boot.
void arm_oops();

/// The status of a dead process, as wait4() reports it.
i32 wait_status_of(const sched::Task& leader);

/// Tasks that nobody finds any more, linked by sibling_link; the reference that the task list held
/// of each is dropped by put_dead(), after the lock.
using DeadTasks = List<sched::Task, &sched::Task::sibling_link>;

/// Takes a dead task out of all tables and adds it to `dead`; its leader, too, if that was only
/// waiting for it and nobody wants its status.
void release_task(sched::Task& task, DeadTasks& dead) REQUIRES(sched::tasks_lock);
void put_dead(DeadTasks& dead);
/// A dead task whose tracer has lost interest: the parent takes notice now, if it is not gone.
void reap_untraced(sched::Task& task, DeadTasks& dead) REQUIRES(sched::tasks_lock);

/// Told of every task that is in no table any more, where it may sleep. Set by fs/procfs.
extern void (*task_reaped_hook)(const sched::Task& task);

/// execve(): ends all other threads of the running process, whose leader the running thread then
/// is. EAGAIN if the process is ending anyway.
Result<void> de_thread(sched::Task& task);

// --- wait.cc -------------------------------------------------------------------------------------

struct WaitRequest {
    int type;  // P_ALL, P_PID, P_PGID, P_PIDFD
    sched::PidNumber id;
    u32 options;                                   // WNOHANG | WEXITED | …
    const sched::SignalStruct* process = nullptr;  // P_PIDFD: which one, instead of the id
};
struct WaitOutcome {
    sched::PidNumber pid = 0;  // 0: WNOHANG and nothing to report
    i32 status = 0;            // as wait4() reports it
    u32 uid = 0;
    bool trapped = false;  // a stop of a tracee
    abi::Rusage usage;
};
/// Waits for a child. ECHILD if there is none to wait for, ERESTARTSYS.
Result<WaitOutcome> do_wait(const WaitRequest& request);

/// getrusage(2): RUSAGE_*.
abi::Rusage get_rusage(sched::Task& task, int who);

/// What a process has used, in all its threads; its children not.
sched::Usage usage_of_process(const sched::SignalStruct& signal) REQUIRES(sched::tasks_lock);

using sched::CpuTimes;
/// Of the whole process, dead threads included. Takes the task list lock.
CpuTimes process_times(sched::Task& task);
CpuTimes process_times_locked(sched::Task& task) REQUIRES(sched::tasks_lock);

// --- job_control.cc -----------------------------------------------------------------------------

Result<sched::PidNumber> setsid();
/// EINVAL, EPERM, ESRCH, EACCES (the child has called execve()).
Result<void> setpgid(sched::PidNumber pid, sched::PidNumber pgrp);
/// A process has left: a group that thereby became orphaned and has stopped members is woken by
/// SIGHUP and SIGCONT. `parent` null: the task's own.
void kill_orphaned_pgrp(sched::Task& leader, sched::Task* parent) REQUIRES(sched::tasks_lock);

// --- timer/itimer.cc, timer/cpu_timer.cc ---------------------------------------------------------

struct ItimerValue {
    u64 left_ns, interval_ns;  // left_ns 0: not running
};
/// alarm(2), setitimer(2) with ITIMER_REAL: returns what was set before. ENOMEM.
Result<ItimerValue> set_real_timer(const ItimerValue& value);
ItimerValue get_real_timer();
/// The process ends, or its memory is given back.
void stop_real_timer(sched::SignalStruct& signal);
/// A SIGALRM has been taken: a periodic timer goes on. The sighand lock is held.
void restart_real_timer(sched::SignalStruct& signal);

/// Boot: lets the tick look at timers that count processor time.
void init_cpu_timers();

// --- init.cc -------------------------------------------------------------------------------------

/// Which program is to be the first, from the command line. Empty strings count as null.
struct InitCommand {
    const char* rdinit;                 // rdinit=; null: /init
    const char* init;                   // init=; null: the usual places
    std::span<const char* const> argv;  // unknown words
    std::span<const char* const> envp;  // unknown name=value
};
/// Boot, before the first kernel thread: makes kthreadd (pid 2), the parent of all others.
void init();

/// Makes task 1, which becomes the init program, and lets it run. The command must stay. Panics if
/// there is no such program, in the new task.
void start_init(const InitCommand& command);

}  // namespace process
