// Beginning and ending: who traces whom. Linux: ptrace_attach(), ptrace_link(), exit_ptrace().

#include "abi/ptrace.h"
#include "abi/sched.h"
#include "process/process.h"
#include "process/ptrace/ptrace.h"

namespace process {

constinit std::atomic<u32> syscall_watchers{0};

namespace {

void link(Task& task, Task& tracer, u32 how) REQUIRES(tasks_lock) {
    tracer.tracees.push_back(task);
    IrqGuard guard(task.sighand->lock);
    task.tracer = &tracer;
    task.ptrace = how;
    syscall_watchers.fetch_add(1);
}

/// May the running task become the tracer of that one?
Result<void> check_attach(Task& task) REQUIRES(tasks_lock) {
    const bool has_user_half = task.signal != nullptr && !task.has(sched::kKernelThread);
    if (!has_user_half || task.tgid == sched::kInitPid) return EPERM;
    if (task.signal == sched::current().signal) return EPERM;
    TRY(ptrace_may_access(task, Access::Real));
    if (is_traced(task) || task.has(sched::kExiting)) return EPERM;
    return {};
}

/// One that sleeps in a group stop already has to stop again, in the tracer's way.
void trap_if_stopped(Task& task) REQUIRES(task.sighand->lock) {
    if (!(task.state.load() & sched::kStopped)) return;
    task.jobctl |= kTrapStop;
    task.set(sched::kSigPending);
    sched::try_to_wake_up(task, sched::kStopped);
}

Result<void> attach(Task& task, u32 how) REQUIRES(tasks_lock) {
    TRY(check_attach(task));
    link(task, sched::current(), how);
    if (!(how & kSeized)) {
        abi::SigInfo info;
        info.signo = abi::SIGSTOP;
        info.code = abi::SI_KERNEL;
        (void)send_signal_locked(task, info, Target::Thread);
    }
    IrqGuard guard(task.sighand->lock);
    trap_if_stopped(task);
    return {};
}

/// The thread that forked the running process, if it lives and is still the parent; else the
/// parent's leader. Null if that ends.
Task* forking_thread(Task& task) REQUIRES(tasks_lock) {
    Task* const parent = task.group_leader->parent;
    if (parent->signal == nullptr) return nullptr;
    for (Task& thread : parent->threads) {
        if (thread.pid == task.group_leader->forked_by && !thread.has(sched::kExiting)) {
            return &thread;
        }
    }
    return parent->has(sched::kExiting) ? nullptr : parent;
}

/// What a tracee that is let go owes to its process: a group stop goes on without the tracer.
void rejoin_group_stop(Task& task) REQUIRES(task.sighand->lock) {
    if (task.signal->stop_signal == 0 || task.signal->group_exit) return;
    if (task.has(sched::kExiting)) return;
    task.set(sched::kNotifyResume);
    task.set(sched::kSigPending);
}

/// A tracee whose tracer ends; `dead` as in exit_ptrace().
void let_go(Task& task, DeadTasks& dead) REQUIRES(tasks_lock) {
    const bool kills = task.ptrace & abi::PTRACE_O_EXITKILL;
    ptrace_unlink(task);
    if (task.state.load() == sched::kZombie) {
        reap_untraced(task, dead);
    } else if (kills) {
        abi::SigInfo info;
        info.signo = abi::SIGKILL;
        info.code = abi::SI_KERNEL;
        (void)send_signal_locked(task, info, Target::Thread);
    }
}

}  // namespace

Result<void> ptrace_traceme() {
    Task& task = sched::current();
    IrqGuard guard(tasks_lock);
    if (is_traced(task)) return EPERM;
    Task* const tracer = forking_thread(task);
    if (tracer != nullptr) link(task, *tracer, kPtraced);
    return {};
}

Result<void> ptrace_attach(Task& task) {
    IrqGuard guard(tasks_lock);
    return attach(task, kPtraced);
}

Result<void> ptrace_seize(Task& task, u64 address, u64 options) {
    if (address != 0 || (options & ~u64{abi::kPtraceOptions})) return EIO;
    IrqGuard guard(tasks_lock);
    return attach(task, kPtraced | kSeized | static_cast<u32>(options));
}

void ptrace_unlink(Task& task) {
    if (!is_traced(task)) return;
    List<Task, &Task::tracee_link>::remove(task);
    syscall_watchers.fetch_sub(1);
    IrqGuard guard(task.sighand->lock);
    task.tracer = nullptr;
    task.ptrace = 0;
    task.jobctl &= ~(kTrapWork | kListening | kFrozen);
    task.clear(sched::kTraceSyscall);
    task.clear(sched::kSyscallEmu);
    if (task.state.load() == sched::kZombie) return;
    rejoin_group_stop(task);
    if (task.state.load() & sched::kTraced) {
        disable_single_step(task);
        sched::try_to_wake_up(task, sched::kTraced);
    } else {
        task.clear(sched::kSingleStep);  // it runs: its own flags are its own business
    }
}

Result<void> ptrace_detach(Task& task, u64 signal) {
    if (signal > u64{abi::kSignals}) return EIO;
    IrqGuard guard(tasks_lock);
    if (task.tracer != &sched::current()) return ESRCH;
    {
        IrqGuard sighand_guard(task.sighand->lock);
        task.resume_signal = static_cast<i32>(signal);
        task.arch.debug = {};
    }
    ptrace_unlink(task);
    return {};
}

void exit_ptrace(Task& task, DeadTasks& dead) {
    while (Task* tracee = task.tracees.front()) let_go(*tracee, dead);
}

u32 ptrace_fork_event(const CloneRequest& request) {
    const Task& task = sched::current();
    if (!is_traced(task) || (request.flags & abi::CLONE_UNTRACED)) return 0;
    u32 event = abi::PTRACE_EVENT_FORK;
    if (request.flags & abi::CLONE_VFORK) {
        event = abi::PTRACE_EVENT_VFORK;
    } else if (request.exit_signal != u32{abi::SIGCHLD}) {
        event = abi::PTRACE_EVENT_CLONE;
    }
    return traces_event(task, event) ? event : 0;
}

void ptrace_init_task(Task& child, Task& parent) {
    if (!is_traced(parent)) return;
    link(child, *parent.tracer, parent.ptrace);
    IrqGuard guard(child.sighand->lock);
    if (parent.ptrace & kSeized) {
        child.jobctl |= kTrapStop;
    } else {
        child.pending->set |= sig_bit(abi::SIGSTOP);
    }
    child.set(sched::kSigPending);
}

}  // namespace process
