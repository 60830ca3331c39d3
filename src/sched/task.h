/// Task: a thread of execution, of a process or of the kernel. Linux' struct task_struct.
///
/// Lifetime: born in process/fork.cc (or sched/kthread.cc) with one reference, which the task
/// list holds until it is reaped, and one for the processor while it runs. Others hold a
/// Ref<Task>. Parts owned by folders above appear as pointers that only those folders follow.
#pragma once

#include <atomic>

#include "arch/task.h"
#include "lib/kasan.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "lib/ref.h"
#include "mm/fault_inject.h"
#include "mm/mempolicy.h"
#include "sched/cred.h"
#include "sched/io_counters.h"
#include "sched/lock/rt_mutex.h"
#include "sched/pid.h"
#include "sched/prio.h"
#include "sched/sched_class.h"
#include "sched/sched_entity.h"

namespace abi {
struct SigInfo;
}
namespace vm {
class MmStruct;
}
namespace fs {
class FdTable;
class FsStruct;
}  // namespace fs

namespace sched {

struct SignalStruct;
struct SighandStruct;
struct PendingSignals;
struct CpuTimers;
struct DlEntity;
struct UserStruct;
struct Kthread;

/// What a task is doing, as far as a wake-up is concerned. The letters of /proc/<pid>/stat.
enum TaskState : u32 {
    kRunning = 0,               // R: running or ready
    kInterruptible = 1 << 0,    // S: asleep; a wake-up or a signal ends it
    kUninterruptible = 1 << 1,  // D: asleep; only a wake-up ends it
    kStopped = 1 << 2,          // T: by a signal, until SIGCONT
    kTraced = 1 << 3,           // t: by a tracer
    kZombie = 1 << 4,           // Z: dead, waits to be reaped
    kDead = 1 << 5,             // X: reaped
    kNew = 1 << 6,              // not yet woken for the first time
    kParked = 1 << 7,           // P: a kernel thread that was asked to do nothing
    kWakeKill = 1 << 8,         // with kUninterruptible: a signal that kills ends it, too
    kKillable = kUninterruptible | kWakeKill,
    kWakeable = kInterruptible | kUninterruptible | kNew,
};

/// Work to do before the task returns to user mode, and other marks. Atomic bits.
enum TaskFlags : u32 {
    kSigPending = 1 << 0,      // look at the signals
    kNotifyResume = 1 << 1,    // process/ has work for the way out
    kRestoreSigmask = 1 << 2,  // the saved mask is to be restored
    kTraceSyscall = 1 << 3,    // a tracer wants to see its system calls
    kKernelThread = 1 << 4,
    kForkedNoExec = 1 << 5,  // accounting flag of Linux
    kExiting = 1 << 6,
    kMemdie = 1 << 7,  // chosen by the OOM killer
    kVforkDone = 1 << 8,
    kKilled = 1 << 9,          // is about to die by a signal; never cleared
    kRseqWork = 1 << 10,       // lost the processor, and has an rseq_area
    kSingleStep = 1 << 11,     // a tracer wants to see each instruction
    kForcedTf = 1 << 12,       // … so the trap flag is set, which the program does not know
    kCompatCall = 1 << 13,     // the system call it stopped in came through int $0x80
    kRestartI386 = 1 << 14,    // the call to be restarted came through int $0x80
    kMemAlloc = 1 << 15,       // reclaims memory: may use the reserves; Linux' PF_MEMALLOC
    kSyscallEmu = 1 << 16,     // a tracer makes its system calls instead of the kernel
    kNoNewPrivs = 1 << 23,     // execve() gives no rights; never cleared
    kTooManyTasks = 1 << 24,   // its user has, since it became it; Linux' PF_NPROC_EXCEEDED
    kWqWorker = 1 << 25,       // runs works: schedule() tells its pool; Linux' PF_WQ_WORKER
    kNoSetAffinity = 1 << 26,  // a kernel thread that stays where it is; PF_NO_SETAFFINITY
};

struct Task {
    // --- who
    PidNumber pid = 0;   // the thread's own number (gettid)
    PidNumber tgid = 0;  // the process (getpid)
    char comm[16] = {};  // name, NUL-terminated
    std::atomic<u32> flags{0};
    RefCount ref_count;
    Cred cred;

    // --- scheduling; fields marked (rq) are guarded by the lock of the run queue of `cpu`
    std::atomic<u32> state{kNew};
    std::atomic<u32> cpu{0};                     // whose run queue it is or was last on
    std::atomic<u32> on_rq{0};                   // (rq) enqueued or running
    std::atomic<u32> on_cpu{0};                  // its registers are in a processor, not in `arch`
    SpinLock wake_lock{"task", LockRank::Task};  // serialises wake-ups
    bool waits = false;                          // (rq) ready, but not running
    ClassId sched_class = ClassId::Fair;         // (rq) who decides when it runs
    i32 prio = kDefaultPrio;                     // (rq) prio.h: what counts now
    i32 normal_prio = kDefaultPrio;              // (rq) without a boost
    i32 boost_prio = kMaxPrio;                   // (rq) of who waits for a lock that it holds
    PiTask pi;                                   // lock/rt_mutex.h
    RbNode run_node;                             // (rq) in a tree of its class, while it waits
    ListLink rt_link;                            // (rq) in a list of its priority, while it waits
    SchedEntity se;                              // (rq)
    RtEntity rt;                                 // (rq)
    DlEntity* dl = nullptr;                      // (rq) once it has been a deadline task
    SchedInfo sched_info;                        // (rq)
    i32 nice = 0;                                // -20 … 19
    u32 policy = 0;                              // SCHED_*
    u32 rt_priority = 0;                         // 1 … 99 for SCHED_FIFO and SCHED_RR
    bool reset_on_fork = false;                  // SCHED_RESET_ON_FORK
    u64 cpus_allowed = ~0ull;
    bool counts_as_load = false;  // (rq) asleep in state D; Linux' sched_contributes_to_load
    bool moves_now = false;       // leaves this processor at the next schedule()
    // (rq) taken off a queue to be put on another: by who did that, or by a wake-up before (a task
    // may be about to sleep when it has to leave). Who enqueues it holds wake_lock.
    bool is_moving = false;
    u64 voluntary_switches = 0, involuntary_switches = 0;
    arch::TaskState arch;   // stack pointer, FS/GS base, FPU state
    void* stack = nullptr;  // kernel stack: kKernelStackSize bytes, guard pages around

    // --- parts that may be shared with other tasks
    vm::MmStruct* mm = nullptr;         // null for kernel threads
    vm::MmStruct* active_mm = nullptr;  // whose page tables are loaded while it runs
    fs::FdTable* files = nullptr;
    fs::FsStruct* fs = nullptr;
    SignalStruct* signal = nullptr;
    SighandStruct* sighand = nullptr;
    UserStruct* user = nullptr;  // of cred.uid, with a reference; null for kernel threads

    // --- signals; guarded by sighand->lock, but for `blocked`, which only the task itself writes
    PendingSignals* pending = nullptr;  // sent to this thread alone
    u64 blocked = 0;
    u64 real_blocked = 0;   // in sigtimedwait(): what `blocked` was, and is again afterwards
    u64 saved_sigmask = 0;  // with kRestoreSigmask
    VirtAddr altstack_base;
    u64 altstack_size = 0;
    u32 altstack_flags = 2;  // SS_DISABLE

    // --- family; guarded by the task list lock
    Task* parent = nullptr;        // who is told when it dies
    Task* group_leader = nullptr;  // itself for the first thread
    ListLink sibling_link;         // in parent->children
    List<Task, &Task::sibling_link> children;
    ListLink thread_link;  // in group_leader->threads
    List<Task, &Task::thread_link> threads;
    i32 exit_code = 0;    // wait status
    i32 exit_signal = 0;  // sent to the parent; SIGCHLD for a fork
    i32 pdeath_signal = 0;

    // --- ptrace(2): process/ptrace/ptrace.h tells who may touch what
    Task* tracer = nullptr;  // who is told when it stops; null: nobody
    ListLink tracee_link;    // in tracer->tracees
    List<Task, &Task::tracee_link> tracees;
    u32 ptrace = 0;                        // how it is traced; 0: it is not
    u32 jobctl = 0;                        // what it has yet to stop for
    i32 stop_code = 0;                     // what wait4() has yet to tell the tracer; 0: nothing
    i32 resume_signal = 0;                 // the signal with which it goes on
    u64 ptrace_message = 0;                // of the last event
    abi::SigInfo* last_siginfo = nullptr;  // of the signal that it stopped for, on its stack
    PidNumber forked_by = 0;               // the thread that made it

    // --- the rest
    VirtAddr set_child_tid, clear_child_tid;  // CLONE_CHILD_{SETTID,CLEARTID}
    VirtAddr robust_list;
    VirtAddr rseq_area;  // process/rseq.h; 0: none
    u32 rseq_signature = 0;
    struct Vfork* vfork = nullptr;  // the parent waits for exec or exit
    u64 start_time_ns = 0;
    std::atomic<u64> user_ns{0}, system_ns{0};
    u64 last_account_ns = 0;
    CpuTimers* cpu_timers = nullptr;         // as in SignalStruct, of this thread
    std::atomic<u64> cpu_check_ns{~u64{0}};  // the same
    u64 timer_slack_ns = 50'000;             // a sleep may end this much late
    u64 default_timer_slack_ns = 50'000;     // what the thread began with
    u64 min_faults = 0, maj_faults = 0;
    IoCounters io;
    u64 restart_data[4] = {};  // for restart_syscall
    u64 (*restart_function)(Task&) = nullptr;
    Kthread* kthread = nullptr;                      // sched/kthread.cc: of a kernel thread
    [[no_unique_address]] lockval::TaskLocks locks;  // a debug build: what it holds
    [[no_unique_address]] mm::TaskFaults faults;     // a debug build: what fails on demand
    mm::TaskPolicy mempolicy;                        // from which nodes its memory comes

    bool has(TaskFlags flag) const { return flags.load(std::memory_order_relaxed) & flag; }
    void set(TaskFlags flag) { flags.fetch_or(flag, std::memory_order_seq_cst); }
    void clear(TaskFlags flag) { flags.fetch_and(~u32{flag}, std::memory_order_seq_cst); }

    static void release(Task* task);  // sched/task.cc: frees stack and memory
};

/// Set by process/: gives back what a dead task still has of a process (FPU state, signals). Called
/// by Task::release(), if it is not null.
using TaskHook = void (*)(Task&);
extern constinit TaskHook task_free_hook;

/// The letter that ps shows.
char state_letter(const Task& task);

inline constexpr usize kKernelStackSize = (kKasan ? 32 : 16) * 1024;

/// Frees the stacks of dead tasks that are kept for the next ones. Process context.
void drop_cached_stacks();

extern Task* current_task;  // per-CPU

/// The running task.
inline Task& current() { return *arch::this_cpu_read(current_task); }

/// Whether the running task has the capability (CAP_*, abi/prctl.h).
inline bool capable(unsigned capability) { return current().cred.has(capability); }

/// The registers with which `task` entered the kernel from user mode: at the top of its stack.
inline arch::TrapFrame& user_frame(Task& task) {
    return reinterpret_cast<arch::TrapFrame*>(static_cast<u8*>(task.stack) + kKernelStackSize)[-1];
}

inline bool signal_pending(const Task& task) { return task.has(kSigPending); }
inline bool fatal_signal_pending(const Task& task) { return task.has(kKilled); }

/// Whether a signal keeps `task` from sleeping in `state`.
inline bool signal_ends_sleep(const Task& task, u32 state) {
    return ((state & kInterruptible) && signal_pending(task)) ||
           ((state & kWakeKill) && fatal_signal_pending(task));
}

}  // namespace sched
