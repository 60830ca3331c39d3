// fork, vfork, clone: copy_process() makes a task that is like the running one but for what the
// flags share, and for its registers: it finds 0 in rax.
//
// Until the child is attached nobody can find it, so everything before is done without locks and
// can fail; whatever the child has got by then, discard_new_task() gives back.

#include "process/process.h"

#include <optional>

#include "abi/prctl.h"
#include "abi/ptrace.h"
#include "abi/sched.h"
#include "arch/layout.h"
#include "core/time/clock.h"
#include "fs/fd_table.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/machine/ioport.h"
#include "process/machine/tls.h"
#include "process/pidfd.h"
#include "process/ptrace/ptrace.h"
#include "process/rseq.h"
#include "process/signal_internal.h"
#include "process/timer/cpu_timer.h"
#include "process/trace_events.h"
#include "sched/kthread.h"
#include "sched/user.h"
#include "vm/mm_struct.h"

namespace sched {

/// Where the parent of a vfork waits; on its stack. The child points to it as long as it waits.
struct Vfork {
    WaitQueue queue;  // lock: tasks_lock
    bool done = false;
};

}  // namespace sched

namespace process {

namespace {

constexpr u64 kNamespaces = abi::CLONE_NEWNS | abi::CLONE_NEWCGROUP | abi::CLONE_NEWUTS |
                            abi::CLONE_NEWIPC | abi::CLONE_NEWUSER | abi::CLONE_NEWPID |
                            abi::CLONE_NEWNET | abi::CLONE_NEWTIME;
constexpr u64 kBytesPerThread = 64 * 1024;  // a thread's stack and parts, generously

/// Destroys an unfinished task unless it is released.
class NewTask {
public:
    explicit NewTask(Task* task) : task_(task) {}
    NewTask(const NewTask&) = delete;
    ~NewTask() {
        if (task_) discard_new_task(*task_);
    }
    Task& operator*() const { return *task_; }
    Task* operator->() const { return task_; }
    Task* release() { return std::exchange(task_, nullptr); }

private:
    Task* task_;
};

/// The descriptor of a child's pidfd: shown in memory before there is a child, and to the process
/// when nothing can fail any more.
class ChildPidfd {
public:
    Result<void> prepare(SignalStruct& signal, UserPtr<i32> at) {
        file_ = TRY(make_pidfd(signal, 0));
        reservation_.emplace(TRY(fs::reserve_fd(true)));
        return at.copy_out(reservation_->number());
    }
    void install() {
        if (reservation_) reservation_->install(std::move(file_));
    }

private:
    Ref<fs::File> file_;
    std::optional<fs::FdReservation> reservation_;
};

Result<void> check_flags(u64 flags) {
    using namespace abi;
    if (flags & kNamespaces) return EINVAL;
    if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD))) return EINVAL;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) return EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) return EINVAL;
    const bool is_init = sched::current().tgid == sched::kInitPid;
    if ((flags & CLONE_PARENT) && is_init) return EINVAL;
    return {};
}

/// More threads than memory could hold are refused early.
Result<void> check_thread_limit() {
    if (sched::task_count() >= max_threads()) return EAGAIN;
    return {};
}

/// The child counts from here on, before it is known whether it may be: two tasks that fork at once
/// see each other. EAGAIN at RLIMIT_NPROC.
Result<void> copy_user(Task& child, const Task& parent) {
    child.user = Ref<sched::UserStruct>::share(parent.user).leak();
    child.user->processes.fetch_add(1, std::memory_order_relaxed);
    const u64 limit = parent.signal->rlimits[abi::RLIMIT_NPROC].current;
    if (!has_too_many_processes(*child.user, limit)) return {};
    const sched::Cred& cred = parent.cred;
    if (cred.has(abi::CAP_SYS_RESOURCE) || cred.has(abi::CAP_SYS_ADMIN)) return {};
    return EAGAIN;
}

void copy_identity(Task& child, const Task& parent, const CloneRequest& request) {
    memcpy(child.comm, parent.comm, sizeof child.comm);
    child.cred = parent.cred;
    child.cpus_allowed = parent.cpus_allowed;
    child.blocked = parent.blocked;
    child.timer_slack_ns = child.default_timer_slack_ns = parent.timer_slack_ns;
    child.faults.inherit(parent.faults);
    child.mempolicy.own = parent.mempolicy.own;
    child.mempolicy.now = child.mempolicy.own.get();
    child.set(sched::kForkedNoExec);
    if (parent.has(sched::kNoNewPrivs)) child.set(sched::kNoNewPrivs);
    const bool same_stack = !(request.flags & abi::CLONE_VM) || (request.flags & abi::CLONE_VFORK);
    if (same_stack) {
        child.altstack_base = parent.altstack_base;
        child.altstack_size = parent.altstack_size;
        child.altstack_flags = parent.altstack_flags;
    }
    rseq_fork(child, parent, request.flags & abi::CLONE_VM);
    if (request.flags & abi::CLONE_CHILD_SETTID) {
        child.set_child_tid = request.child_tid.address();
    }
    if (request.flags & abi::CLONE_CHILD_CLEARTID) {
        child.clear_child_tid = request.child_tid.address();
    }
    child.exit_signal = (request.flags & abi::CLONE_THREAD) ? -1 : i32(request.exit_signal);
}

Result<void> copy_files(Task& child, Task& parent, u64 flags) {
    if (flags & abi::CLONE_FILES) {
        parent.files->ref_count.inc();
        child.files = parent.files;
    } else {
        child.files = TRY(parent.files->duplicate());
    }
    if (flags & abi::CLONE_FS) {
        parent.fs->ref_count.inc();
        child.fs = parent.fs;
    } else {
        child.fs = TRY(parent.fs->duplicate());
    }
    return {};
}

Result<void> copy_sighand(Task& child, Task& parent, u64 flags) {
    child.pending = TRY(mm::make<PendingSignals>()).leak();
    if (flags & abi::CLONE_SIGHAND) {
        parent.sighand->ref_count.inc();
        child.sighand = parent.sighand;
        return {};
    }
    child.sighand = TRY(mm::make<SighandStruct>()).leak();
    {
        IrqGuard guard(parent.sighand->lock);
        copy_handlers(*child.sighand, *parent.sighand);
    }
    if (flags & abi::CLONE_CLEAR_SIGHAND) flush_signal_handlers(child);
    return {};
}

Result<void> copy_signal(Task& child, Task& parent, u64 flags) {
    if (flags & abi::CLONE_THREAD) {
        parent.signal->ref_count.inc();
        child.signal = parent.signal;
        return {};
    }
    child.signal = TRY(mm::make<SignalStruct>()).leak();
    SignalStruct &to = *child.signal, &from = *parent.signal;
    to.leader = &child;
    for (u32 i = 0; i < abi::kRlimits; i++) to.rlimits[i] = from.rlimits[i];
    if (to.rlimits[abi::RLIMIT_CPU].current != abi::RLIM_INFINITY) recheck_cpu_timers(to);
    to.self_exec_id = from.self_exec_id;
    to.parent_exec_id = flags & abi::CLONE_PARENT ? from.parent_exec_id : from.self_exec_id;
    to.personality = from.personality;
    to.dumpable = from.dumpable;
    to.oom_score_adj = from.oom_score_adj;
    to.oom_score_adj_min = from.oom_score_adj_min;
    to.coredump_filter = from.coredump_filter.load();
    IrqGuard guard(parent.sighand->lock);
    to.tty = from.tty;
    return {};
}

Result<void> copy_mm(Task& child, Task& parent, u64 flags) {
    if (flags & abi::CLONE_VM) {
        parent.mm->get();
        child.mm = parent.mm;
    } else {
        child.mm = TRY(vm::MmStruct::duplicate(*parent.mm));
    }
    return {};
}

/// The child's first instructions: only what must happen in its own address space.
void ret_from_fork() {
    Task& task = sched::current();
    if (task.set_child_tid.raw() == 0) return;
    (void)UserPtr<i32>(task.set_child_tid).copy_out(task.pid);
}

Result<void> set_tls(Task& child, const CloneRequest& request) {
    if (request.tls_is_area) {
        return set_child_tls(child, UserPtr<const abi::UserDesc>(request.tls));
    }
    if (!arch::is_user_address(VirtAddr(request.tls))) return EPERM;
    child.arch.selectors.fs = 0;
    child.arch.fs_base = request.tls;
    return {};
}

Result<void> copy_thread(Task& child, Task& parent, const CloneRequest& request,
                         const arch::TrapFrame& frame) {
    arch::TrapFrame& regs = sched::user_frame(child);
    regs = frame;
    regs.rax = 0;
    regs.orig_rax = ~u64{0};
    if (request.stack != 0) regs.rsp = request.stack;
    constexpr u64 kTrapFlag = 1 << 8;
    if (parent.has(sched::kForcedTf)) regs.rflags &= ~kTrapFlag;  // nobody steps the child
    arch::segments_copy(child.arch, parent.arch);
    share_ports(child, parent);
    if (request.flags & abi::CLONE_SETTLS) TRY(set_tls(child, request));
    TRY(arch::fpu_copy(child.arch, parent.arch));
    arch::prepare_stack(child.arch, static_cast<u8*>(child.stack) + sched::kKernelStackSize,
                        ret_from_fork);
    return {};
}

void join_thread_group(Task& child, Task& parent) REQUIRES(tasks_lock) {
    SignalStruct& signal = *parent.signal;
    child.group_leader = signal.leader;
    child.parent = signal.leader->parent;
    child.tgid = parent.tgid;
    signal.leader->threads.push_back(child);
    signal.live_threads.fetch_add(1);
    signal.thread_count++;
}

void begin_process(Task& child, Task& parent, u64 flags) REQUIRES(tasks_lock) {
    child.tgid = child.pid;
    child.group_leader = &child;
    child.threads.push_back(child);
    Task& leader = *parent.group_leader;
    child.parent = (flags & abi::CLONE_PARENT) ? leader.parent : &leader;
    if (flags & abi::CLONE_PARENT) child.exit_signal = leader.exit_signal;
    child.parent->children.push_back(child);
    child.forked_by = (flags & abi::CLONE_PARENT) ? leader.forked_by : parent.pid;
    sched::join_pgrp(*child.signal, parent.signal->pgrp);
    sched::join_session(*child.signal, parent.signal->session);
}

/// From here on the child exists. Not while a signal waits: it might be meant for all threads.
Result<void> attach(Task& child, Task& parent, u64 flags, u32 event) {
    IrqGuard guard(tasks_lock);
    {
        IrqGuard sighand_guard(parent.sighand->lock);
        recalc_sigpending(parent);
        if (signal_pending(parent)) return ERESTARTNOINTR;
    }
    if (flags & abi::CLONE_THREAD) {
        join_thread_group(child, parent);
    } else {
        begin_process(child, parent, flags);
    }
    sched::attach_pid(child);
    if (event != 0 || (flags & abi::CLONE_PTRACE)) ptrace_init_task(child, parent);
    return {};
}

/// The caller may choose the child's number if it is one that restores checkpoints.
Result<void> give_number(Task& child, sched::PidNumber wanted) {
    if (wanted != 0) {
        if (wanted < 0 || static_cast<u32>(wanted) >= sched::pid_max.load()) return EINVAL;
        const sched::Cred& cred = sched::current().cred;
        const bool may_choose = cred.has(abi::CAP_CHECKPOINT_RESTORE);
        if (!may_choose && !cred.has(abi::CAP_SYS_ADMIN)) return EPERM;
    }
    TRY(sched::reserve_pid(child, wanted));
    return {};
}

Result<Task*> copy_process(const CloneRequest& request, const arch::TrapFrame& frame, u32 event) {
    TRY(check_flags(request.flags));
    Task& parent = sched::current();
    if (signal_pending(parent)) return ERESTARTNOINTR;
    NewTask child(TRY(sched::alloc_task()));
    TRY(copy_user(*child, parent));
    TRY(check_thread_limit());
    copy_identity(*child, parent, request);
    TRY(sched::sched_fork(*child, parent));
    TRY(copy_files(*child, parent, request.flags));
    TRY(copy_sighand(*child, parent, request.flags));
    TRY(copy_signal(*child, parent, request.flags));
    TRY(copy_mm(*child, parent, request.flags));
    TRY(copy_thread(*child, parent, request, frame));
    TRY(give_number(*child, request.wanted_tid));
    ChildPidfd pidfd;
    if (request.flags & abi::CLONE_PIDFD) TRY(pidfd.prepare(*child->signal, request.pidfd));
    child->start_time_ns = time::now_ns();
    TRY(attach(*child, parent, request.flags, event));
    pidfd.install();
    return child.release();
}

void trace_fork(const Task& child) {
    if (!trace::is_enabled<SchedProcessFork>()) return;
    SchedProcessFork record{.parent_comm = {},
                            .parent_pid = sched::current().pid,
                            .child_comm = {},
                            .child_pid = child.pid};
    copy_comm(record.parent_comm, sched::current());
    copy_comm(record.child_comm, child);
    trace::point(record);
}

/// Only what kills ends the wait early: until then the child lives on the caller's stack.
void wait_for_vfork(Task& child, sched::Vfork& vfork) {
    IrqGuard guard(tasks_lock);
    while (!vfork.done && vfork.queue.sleep_killable(tasks_lock).ok()) {
    }
    child.vfork = nullptr;
}

}  // namespace

constinit std::atomic<u32> wanted_max_threads{0};

u64 max_threads() {
    if (const u32 wanted = wanted_max_threads.load(std::memory_order_relaxed)) return wanted;
    return std::min<u64>(mm::total_pages() * kPageSize / kBytesPerThread, sched::kPidMax);
}

void complete_vfork(Task& task) {
    if (task.vfork == nullptr) return;
    IrqGuard guard(tasks_lock);
    if (task.vfork == nullptr) return;
    task.vfork->done = true;
    task.vfork->queue.wake_all();
    task.vfork = nullptr;
}

Result<void> make_process_parts(Task& task) {
    task.pending = TRY(mm::make<PendingSignals>()).leak();
    task.sighand = TRY(mm::make<SighandStruct>()).leak();
    task.signal = TRY(mm::make<SignalStruct>()).leak();
    task.signal->leader = &task;
    task.user = TRY(sched::find_user(task.cred.uid)).leak();
    task.user->processes.fetch_add(1, std::memory_order_relaxed);
    return arch::fpu_create(task.arch);
}

void discard_new_task(Task& task) {
    {
        IrqGuard guard(tasks_lock);
        if (task.pid != 0) sched::free_pid(task);
    }
    if (task.mm) task.mm->put();
    task.mm = nullptr;
    if (task.fs) Ref<fs::FsStruct>::adopt(std::exchange(task.fs, nullptr)).reset();
    if (task.files) Ref<fs::FdTable>::adopt(std::exchange(task.files, nullptr)).reset();
    if (task.user) task.user->processes.fetch_sub(1, std::memory_order_relaxed);
    Ref<Task>::adopt(&task).reset();
}

Result<sched::PidNumber> kernel_clone(const CloneRequest& request, const arch::TrapFrame& frame) {
    const u64 both = abi::CLONE_PIDFD | abi::CLONE_PARENT_SETTID;
    const bool same_place = request.pidfd.address() == request.parent_tid.address();
    if ((request.flags & both) == both && same_place) return EINVAL;
    const u32 event = ptrace_fork_event(request);
    const Ref<Task> child = Ref<Task>::share(TRY(copy_process(request, frame, event)));
    const sched::PidNumber pid = child->pid;
    sched::count_fork();
    trace_fork(*child);
    if (request.flags & abi::CLONE_PARENT_SETTID) {
        (void)request.parent_tid.copy_out(pid);  // as Linux: too late to fail
    }
    if (!(request.flags & abi::CLONE_VFORK)) {
        sched::wake_up_new_task(*child);
        ptrace_event(event, static_cast<u64>(pid));
        return pid;
    }
    sched::Vfork vfork;
    child->vfork = &vfork;
    sched::wake_up_new_task(*child);
    ptrace_event(event, static_cast<u64>(pid));
    wait_for_vfork(*child, vfork);
    ptrace_event(abi::PTRACE_EVENT_VFORK_DONE, static_cast<u64>(pid));
    return pid;
}

}  // namespace process
