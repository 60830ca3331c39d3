// execve() in a process with several threads: only the caller goes on, and it becomes the leader.

#include "process/process.h"
#include "process/signal_internal.h"

namespace process {

namespace {

/// All other threads are to die. EAGAIN if the process dies, or another thread was first.
Result<void> kill_other_threads(Task& task) {
    IrqGuard guard(tasks_lock);
    SignalStruct& signal = *task.signal;
    IrqGuard sighand_guard(task.sighand->lock);
    if (signal.group_exit || signal.exec_task) return EAGAIN;
    signal.exec_task = &task;
    signal.stop_signal = 0;
    signal.stop_count = 0;
    for_each_thread(signal, [&](Task& thread) {
        thread.clear(sched::kNotifyResume);
        if (&thread == &task || thread.has(sched::kExiting)) return;
        thread.pending->set |= sig_bit(abi::SIGKILL);
        signal_wake_up(thread, true);
    });
    return {};
}

bool is_alone(const Task& task) REQUIRES(tasks_lock) {
    const SignalStruct& signal = *task.signal;
    if (signal.leader == &task) return signal.thread_count == 1;
    return signal.thread_count == 2 && signal.leader->state.load() == sched::kZombie;
}

/// `task` takes the place of the dead leader: number, parent, children.
void become_leader(Task& task, DeadTasks& dead) REQUIRES(tasks_lock) {
    SignalStruct& signal = *task.signal;
    Task& leader = *signal.leader;
    sched::exchange_pids(task, leader);
    task.thread_link.unlink();
    task.threads.push_back(task);
    task.group_leader = &task;
    signal.leader = &task;
    task.parent = leader.parent;
    task.exit_signal = abi::SIGCHLD;
    task.start_time_ns = leader.start_time_ns;
    task.parent->children.insert_before(leader, task);
    leader.sibling_link.unlink();
    for (Task& child : leader.children) {
        child.parent = &task;
        child.forked_by = task.pid;
    }
    task.children.splice_back(leader.children);
    leader.group_leader = &task;
    task.forked_by = leader.forked_by;
    release_task(leader, dead);
}

}  // namespace

Result<void> de_thread(Task& task) {
    SignalStruct& signal = *task.signal;
    TRY(kill_other_threads(task));
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        // Killable: a tracer that does not take notice of dead threads can hold us up for ever.
        bool killed = false;
        while (!killed && !is_alone(task)) {
            killed = !signal.child_exit.sleep_killable(tasks_lock).ok();
        }
        if (!killed && signal.leader != &task) become_leader(task, dead);
        IrqGuard sighand_guard(task.sighand->lock);
        signal.exec_task = nullptr;
        if (killed) return EAGAIN;
    }
    put_dead(dead);
    if (signal.group_exit) return EAGAIN;
    return {};
}

}  // namespace process
