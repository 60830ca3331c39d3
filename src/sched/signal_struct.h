/// What the threads of one process share beside memory and files. Linux' struct signal_struct.
///
/// It stands in sched/ because the task points to it and file systems ask it for limits; the code
/// that gives it meaning is in process/.
#pragma once

#include <atomic>

#include "abi/resource.h"
#include "abi/signal.h"
#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/ref.h"
#include "sched/io_counters.h"
#include "sched/usage.h"
#include "sched/user.h"
#include "sched/wait_queue.h"

namespace sched {

struct Task;
struct RealTimer;    // process/timer/itimer.cc: alarm(2) and setitimer(ITIMER_REAL)
struct PosixTimer;   // process/timer/posix_timer.h
struct PosixTimers;  // all those of a process
struct CoreState;    // process/coredump: a core file that is being written
struct CpuTimers;    // process/timer/cpu_timer.h: what waits for the clock of a process or thread

/// One queued signal: process/signal/queue.cc.
struct PendingSignals;
struct SigQueue {
    ListLink link;
    abi::SigInfo info;
    PosixTimer* timer = nullptr;        // whose part it is, and who keeps it when it was taken
    SignalPlace place;                  // counts for its user, as long as this is
    PendingSignals* pending = nullptr;  // with a timer: in whose queue it is, if it is linked
};

/// Signals that were sent and not yet delivered, to one thread or to the whole process.
struct PendingSignals {
    u64 set = 0;  // bit n - 1: signal n
    List<SigQueue, &SigQueue::link> queue;
};

/// The handlers, shared by CLONE_SIGHAND. Its lock also guards the pending signals of every
/// thread that uses it.
struct SighandStruct {
    RefCount ref_count;
    SpinLock lock{"sighand", LockRank::Sighand};
    abi::KernelSigaction action[abi::kSignals] GUARDED_BY(lock) = {};

    static void release(SighandStruct* sighand);  // process/signal/action.cc
};

struct SignalStruct {
    RefCount ref_count;  // one for each thread, the zombie leader included

    // Guarded by the sighand lock.
    PendingSignals shared_pending;
    i32 group_exit_code = 0;    // wait status once group_exit is set
    bool group_exit = false;    // every thread is to die
    u32 stop_count = 0;         // threads that have yet to stop
    i32 stop_signal = 0;        // the signal that stops or stopped the process; 0: running
    u32 wait_flags = 0;         // what wait4() has yet to report: process/signal_internal.h
    Task* exec_task = nullptr;  // the thread that is in execve() and outlives all others
    CoreState* core = nullptr;  // changed with the task list lock held, too

    // Guarded by the task list lock.
    i32 pgrp = 0;
    i32 session = 0;
    ListLink pgrp_link, session_link;  // among the members: sched/pid.cc
    bool is_session_leader = false;
    Task* leader = nullptr;
    std::atomic<u32> live_threads{1};  // not yet exited
    u32 thread_count = 1;              // not yet released
    bool is_subreaper = false;
    bool has_execed = false;  // setpgid() of a child is then refused
    /// Which program this is, counted by execve(); and which one the parent was when it made this
    /// one.
    u32 self_exec_id = 0, parent_exec_id = 0;

    WaitQueue child_exit;  // the process sleeps here in wait4(); lock: the task list's
    WaitQueue pidfd_wait;  // who polls a pidfd until the process ends; lock: the task list's
    void* tty = nullptr;   // controlling terminal: drivers/tty; guarded by the sighand lock

    abi::Rlimit rlimits[abi::kRlimits];   // own process only; torn reads are harmless
    RealTimer* real_timer = nullptr;      // made at first use; freed with the last thread
    PosixTimers* posix_timers = nullptr;  // the same
    CpuTimers* cpu_timers = nullptr;      // made at first use, guarded by the task list lock
    /// A tick before this moment of the monotonic clock need not look at the process' CPU-time
    /// timers and limits.
    std::atomic<u64> cpu_check_ns{~u64{0}};
    u32 personality = 0;  // personality(2); own process only
    u8 dumpable = 1;
    std::atomic<u32> coredump_filter{0x33};  // kDump* of abi/elfcore.h; also others write it

    UsageSum dead;       // by threads that are gone
    UsageSum children;   // by children that were waited for, and theirs
    IoCounters dead_io;  // guarded by the task list lock
    /// How much sooner (positive) or later than others memory is taken from the process; and how
    /// low it may be set without CAP_SYS_RESOURCE. Guarded by the task list lock.
    i16 oom_score_adj = 0, oom_score_adj_min = 0;

    static void release(SignalStruct* signal);  // process/exit.cc
};

}  // namespace sched
