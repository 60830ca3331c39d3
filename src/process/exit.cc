// The end of threads and processes.
//
// A thread gives back what it shares with others, then leaves the tables: at once, if it is not
// the leader; the leader when all others have gone and its parent has taken notice. From then on
// nobody finds it; the memory goes with the last reference, which is often that of the processor
// that still runs it.

#include "process/process.h"

#include "abi/ptrace.h"
#include "abi/wait.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "fs/fd_table.h"
#include "mm/own.h"
#include "process/controlling_tty.h"
#include "process/futex/futex.h"
#include "process/machine/ioport.h"
#include "process/pidfd.h"
#include "process/ptrace/ptrace.h"
#include "process/signal_internal.h"
#include "process/timer/posix_timer.h"
#include "process/trace_events.h"
#include "sched/kthread.h"
#include "sched/user.h"
#include "vm/mm_struct.h"

namespace process {

namespace {

/// clear_child_tid: whoever joins the thread waits for this word to become 0.
void clear_child_tid(Task& task) {
    if (task.clear_child_tid.raw() == 0 || task.mm->users() == 1) return;
    const UserPtr<u32> word(task.clear_child_tid);
    task.clear_child_tid = VirtAddr(0);
    (void)word.copy_out(0);
    (void)futex_wake_one(word.address());
}

void exit_memory(Task& task) {
    if (task.mm == nullptr) return;
    mm_release(task);
    vm::exit_mm();
    complete_vfork(task);
}

void exit_files(Task& task) {
    fs::FdTable* files;
    fs::FsStruct* fs;
    {
        // procfs looks at them under this lock.
        IrqGuard guard(tasks_lock);
        files = std::exchange(task.files, nullptr);
        fs = std::exchange(task.fs, nullptr);
    }
    if (files) Ref<fs::FdTable>::adopt(files).reset();
    if (fs) Ref<fs::FsStruct>::adopt(fs).reset();
}

/// Who looks after the children of a process that ends.
Task& find_new_reaper(Task& leader) REQUIRES(tasks_lock) {
    for (Task* task = leader.parent; task && task->signal; task = task->parent) {
        if (task->signal->is_subreaper && task->signal->live_threads.load() > 0) return *task;
        if (task->tgid == sched::kInitPid) return *task;
    }
    return *sched::find_task(sched::kInitPid)->group_leader;
}

/// Another signal than SIGCHLD was agreed with the program that the parent was then, and no other.
int exit_signal_for(const Task& leader, const Task& parent) REQUIRES(tasks_lock) {
    const bool is_same = leader.signal->parent_exec_id == parent.signal->self_exec_id;
    return is_same ? leader.exit_signal : abi::SIGCHLD;
}

abi::SigInfo child_info(Task& leader, int signal) REQUIRES(tasks_lock) {
    const CpuTimes times = process_times_locked(leader);
    constexpr u64 kNsPerTick = 10'000'000;
    const i32 status = wait_status_of(leader);
    abi::SigInfo info;
    info.signo = signal;
    info.code = abi::CLD_EXITED;
    if (status & 0x7f) info.code = (status & abi::kStatusCore) ? abi::CLD_DUMPED : abi::CLD_KILLED;
    info.set_sender(leader.pid, leader.cred.uid);
    info.set_child((status & 0x7f) ? status & 0x7f : status >> 8 & 0xff, times.user_ns / kNsPerTick,
                   times.system_ns / kNsPerTick);
    return info;
}

/// A tracer takes notice of each of its tracees, threads too, before anybody else.
void notify_tracer_of_end(Task& task) REQUIRES(tasks_lock) {
    const i32 status = wait_status_of(task);
    const i32 killed = status & 0x80 ? abi::CLD_DUMPED : abi::CLD_KILLED;
    const i32 why = (status & 0x7f) ? killed : abi::CLD_EXITED;
    notify_tracer(task, why, (status & 0x7f) ? status & 0x7f : status >> 8 & 0xff);
}

/// Tells the parent that the process is dead. True if it does not want to know: then the process
/// is to be released at once.
bool do_notify_parent(Task& leader) REQUIRES(tasks_lock) {
    pidfd_notify(*leader.signal);
    if (is_traced(leader)) {
        notify_tracer_of_end(leader);
        return false;
    }
    Task& parent = *leader.parent;
    if (parent.signal == nullptr) return true;
    bool autoreap = false;
    const int signal = exit_signal_for(leader, parent);
    bool wanted = is_valid_signal(signal);
    {
        IrqGuard guard(parent.sighand->lock);
        const abi::KernelSigaction& action = parent.sighand->action[abi::SIGCHLD - 1];
        if (signal == abi::SIGCHLD) {
            const bool ignored = action.handler == abi::SIG_IGN;
            autoreap = ignored || (action.flags & abi::SA_NOCLDWAIT);
            if (ignored) wanted = false;
        }
    }
    if (wanted) (void)send_signal_locked(parent, child_info(leader, signal), Target::Process);
    parent.signal->child_exit.wake_all();
    return autoreap;
}

bool is_reapable(const Task& leader) {
    return leader.state.load() == sched::kZombie && leader.signal->thread_count == 1;
}

void send_pdeath_signals(Task& child) REQUIRES(tasks_lock) {
    for (Task& thread : child.threads) {
        if (thread.pdeath_signal == 0) continue;
        abi::SigInfo info;
        info.signo = thread.pdeath_signal;
        info.set_sender(sched::current().tgid, sched::current().cred.uid);
        (void)send_signal_locked(thread, info, Target::Process);
    }
}

/// Another thread that lives, to look after the children of one that ends. There is one.
Task& find_heir(Task& task) REQUIRES(tasks_lock) {
    Task& leader = *task.group_leader;
    for (Task& thread : leader.threads) {
        if (&thread != &task && !thread.has(sched::kExiting)) return thread;
    }
    return leader;
}

/// A thread ends, and its process goes on: so do its children, but who wanted to know is told.
void leave_children_to_threads(Task& task) REQUIRES(tasks_lock) {
    Task& leader = *task.group_leader;
    if (leader.children.empty()) return;
    const sched::PidNumber heir = find_heir(task).pid;
    for (Task& child : leader.children) {
        if (child.forked_by != task.pid) continue;
        child.forked_by = heir;
        send_pdeath_signals(child);
    }
}

/// Gives the children of a process that has no thread left to somebody else.
void forget_original_parent(Task& leader, DeadTasks& dead) REQUIRES(tasks_lock) {
    if (leader.children.empty()) return;
    Task& reaper = find_new_reaper(leader);
    while (Task* child = leader.children.pop_front()) {
        child->parent = &reaper;
        child->forked_by = reaper.pid;
        child->exit_signal = abi::SIGCHLD;
        reaper.children.push_back(*child);
        send_pdeath_signals(*child);
        if (!is_traced(*child) && is_reapable(*child) && do_notify_parent(*child)) {
            release_task(*child, dead);
        } else {
            kill_orphaned_pgrp(*child, &leader);
        }
    }
}

/// The children of a process that is gone: to its subreaper or to init. What nobody will wait for
/// is buried here, which may sleep; so this comes before the task's state says that it is dead.
void leave_children(SignalStruct& signal) {
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        forget_original_parent(*signal.leader, dead);
        kill_orphaned_pgrp(*signal.leader, nullptr);
    }
    put_dead(dead);
}

void exit_notify(Task& task, bool group_dead) {
    if (group_dead) leave_children(*task.signal);
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        SignalStruct& signal = *task.signal;
        if (!group_dead) leave_children_to_threads(task);
        exit_ptrace(task, dead);
        sched::set_special_state(sched::kZombie);
        if (is_traced(task)) {
            notify_tracer_of_end(task);
        } else if (task.group_leader != &task) {
            release_task(task, dead);
        } else if (signal.thread_count == 1 && do_notify_parent(task)) {
            release_task(task, dead);
        }
        if (signal.exec_task) signal.child_exit.wake_all();
    }
    put_dead(dead);
}

/// Threads that end one by one: the last one's status is that of the process.
void set_group_status(Task& task, i32 status) {
    SignalStruct& signal = *task.signal;
    IrqGuard guard(task.sighand->lock);
    if (signal.group_exit) return;
    signal.group_exit = true;
    signal.group_exit_code = status;
}

void trace_exit(const Task& task) {
    if (!trace::is_enabled<SchedProcessExit>()) return;
    SchedProcessExit record{.comm = {}, .pid = task.pid, .prio = task.prio};
    copy_comm(record.comm, task);
    trace::point(record);
}

void trace_free(const Task& task) {
    if (!trace::is_enabled<SchedProcessFree>()) return;
    SchedProcessFree record{.comm = {}, .pid = task.pid, .prio = task.prio};
    copy_comm(record.comm, task);
    trace::point(record);
}

/// For sched/: the last reference to a task is gone.
void free_process_parts(Task& task) {
    arch::fpu_destroy(task.arch);
    put_ports(task);
    if (task.pending && task.sighand) {  // not for a child that was given up half made
        IrqGuard guard(task.sighand->lock);
        flush_pending(*task.pending, ~u64{0});
    }
    free_cpu_timers(std::exchange(task.cpu_timers, nullptr));
    if (PendingSignals* pending = std::exchange(task.pending, nullptr)) mm::destroy(pending);
    if (SignalStruct* signal = std::exchange(task.signal, nullptr)) {
        if (signal->ref_count.dec_and_test()) SignalStruct::release(signal);
    }
    if (SighandStruct* sighand = std::exchange(task.sighand, nullptr)) {
        if (sighand->ref_count.dec_and_test()) SighandStruct::release(sighand);
    }
    Ref<sched::UserStruct>::adopt(std::exchange(task.user, nullptr)).reset();
}

}  // namespace

void mm_release(Task& task) {
    if (task.mm == nullptr) return;
    futex_release_all(task);
    clear_child_tid(task);
    task.signal->dead.raise_max_rss(static_cast<u64>(task.mm->hiwater_rss.load()));
}

i32 wait_status_of(const Task& leader) {
    return leader.signal->group_exit ? leader.signal->group_exit_code : leader.exit_code;
}

/// What nobody will take any more counts for its user until now, and no longer: its parent may
/// look. (A timer's own entry must not outlive the queue, either.)
static void flush_all_pending(Task& task) {
    IrqGuard guard(task.sighand->lock);
    flush_pending(*task.pending, ~u64{0});
    if (task.group_leader == &task) flush_pending(task.signal->shared_pending, ~u64{0});
}

void release_task(Task& task, DeadTasks& dead) {
    SignalStruct& signal = *task.signal;
    signal.dead.add(sched::usage_of(task));
    signal.dead_io.add(task.io);
    ptrace_unlink(task);
    task.thread_link.unlink();
    signal.thread_count--;
    if (signal.exec_task) signal.child_exit.wake_all();  // perhaps it waited for this one
    cpu_timers_exit(task);
    flush_all_pending(task);
    sched::free_pid(task);
    task.user->processes.fetch_sub(1, std::memory_order_relaxed);
    if (task.group_leader == &task) {
        task.sibling_link.unlink();
        sched::join_pgrp(signal, 0);
        sched::join_session(signal, 0);
    }
    dead.push_back(task);
    Task& leader = *signal.leader;
    if (&leader != &task && is_reapable(leader) && do_notify_parent(leader)) {
        release_task(leader, dead);
    }
}

void reap_untraced(Task& task, DeadTasks& dead) {
    if (task.group_leader != &task) {
        release_task(task, dead);
    } else if (is_reapable(task) && do_notify_parent(task)) {
        release_task(task, dead);
    }
}

void (*task_reaped_hook)(const Task& task) = nullptr;

void put_dead(DeadTasks& dead) {
    while (Task* task = dead.pop_front()) {
        if (task_reaped_hook != nullptr) task_reaped_hook(*task);
        trace_free(*task);
        Ref<Task>::adopt(task).reset();
    }
}

void do_exit(i32 status) {
    Task& task = sched::current();
    SignalStruct& signal = *task.signal;
    ptrace_event(abi::PTRACE_EVENT_EXIT, static_cast<u64>(status));
    exit_signals(task);
    task.exit_code = status;
    const bool group_dead = signal.live_threads.fetch_sub(1) == 1;
    if (group_dead) {
        set_group_status(task, status);
        if (task.tgid == sched::kInitPid) {
            panic("Attempted to kill init! exitcode=0x%08x", u32(wait_status_of(task)));
        }
        stop_real_timer(signal);
        exit_posix_timers(signal);
    }
    trace_exit(task);
    exit_memory(task);
    exit_files(task);
    if (group_dead && signal.is_session_leader && tty_hooks) tty_hooks->leader_exits();
    exit_notify(task, group_dead);
    sched::do_task_dead();
}

/// For core/log: the running task ran into an error of the kernel. Its process goes on without it,
/// as far as it can.
static void die_of_oops(int signal) {
    Task& task = sched::current();
    if (task.pid == 0) panic("Attempted to kill the idle task!");
    arch::irq_enable();
    if (task.has(sched::kKernelThread)) sched::kthread_exit(EINTR);
    do_exit(signal);
}

void arm_oops() { make_task_dead = die_of_oops; }

void do_group_exit(i32 status) {
    Task& task = sched::current();
    {
        IrqGuard guard(tasks_lock);
        SignalStruct& signal = *task.signal;
        IrqGuard sighand_guard(task.sighand->lock);
        if (signal.group_exit) {
            status = signal.group_exit_code;
        } else if (!signal.exec_task || signal.exec_task == &task) {
            zap_process(signal, status);
        }
    }
    do_exit(status);
}

}  // namespace process

constinit sched::TaskHook sched::task_free_hook = process::free_process_parts;

void sched::SignalStruct::release(SignalStruct* signal) {
    process::flush_pending(signal->shared_pending, ~u64{0});
    process::stop_real_timer(*signal);
    process::free_posix_timers(*signal);
    process::free_cpu_timers(signal->cpu_timers);
    mm::destroy(signal);
}
