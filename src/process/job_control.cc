// Sessions and process groups; orphaned groups.

#include "process/process.h"
#include "process/signal_internal.h"

namespace process {

namespace {

struct OrphanSearch {
    const Task* ignored;  // a process that counts as gone already
    bool has_guardian = false;
    bool has_stopped = false;
};

/// A guardian is a parent in another group of the same session: a shell that can continue a job.
void look_for_guardian(SignalStruct& signal, void* context) REQUIRES(tasks_lock) {
    OrphanSearch& search = *static_cast<OrphanSearch*>(context);
    const Task& leader = *signal.leader;
    if (signal.stop_signal != 0 && signal.stop_count == 0) search.has_stopped = true;
    const bool is_dead = leader.state.load() == sched::kZombie && signal.thread_count == 1;
    if (&leader == search.ignored || is_dead || leader.parent == nullptr) return;
    const SignalStruct* parent = leader.parent->signal;
    if (parent == nullptr || leader.parent->tgid == sched::kInitPid) return;
    if (parent->pgrp != signal.pgrp && parent->session == signal.session) {
        search.has_guardian = true;
    }
}

OrphanSearch examine(sched::PidNumber pgrp, const Task* ignored) REQUIRES(tasks_lock) {
    OrphanSearch search{.ignored = ignored};
    sched::for_each_in_pgrp(pgrp, look_for_guardian, &search);
    return search;
}

void signal_member(SignalStruct& signal, void* context) REQUIRES(tasks_lock) {
    abi::SigInfo info;
    info.signo = *static_cast<int*>(context);
    info.code = abi::SI_KERNEL;
    (void)send_signal_locked(*signal.leader, info, Target::Process);
}

/// The process that setpgid() is about: the caller or a child of it that has not called execve().
Result<Task*> target_of_setpgid(sched::PidNumber pid) REQUIRES(tasks_lock) {
    Task& self = *sched::current().group_leader;
    Task* const task = sched::find_task(pid);
    if (task == nullptr || task->signal == nullptr) return ESRCH;
    if (task->group_leader != task) return EINVAL;
    if (task == &self) return task;
    if (task->parent != &self) return ESRCH;
    if (task->signal->session != self.signal->session) return EPERM;
    if (task->signal->has_execed) return EACCES;
    return task;
}

}  // namespace

bool is_orphaned_pgrp(sched::PidNumber pgrp) {
    IrqGuard guard(tasks_lock);
    return !examine(pgrp, nullptr).has_guardian;
}

void kill_orphaned_pgrp(Task& leader, Task* parent) {
    // The group can only have become an orphan if this very link was its guardian.
    const Task* const ignored = parent ? nullptr : &leader;
    const Task& guardian = parent ? *parent : *leader.parent;
    if (guardian.signal == nullptr) return;
    const sched::PidNumber pgrp = leader.signal->pgrp;
    if (guardian.signal->pgrp == pgrp || guardian.signal->session != leader.signal->session) return;
    const OrphanSearch search = examine(pgrp, ignored);
    if (search.has_guardian || !search.has_stopped) return;
    int hangup = abi::SIGHUP, go_on = abi::SIGCONT;
    sched::for_each_in_pgrp(pgrp, signal_member, &hangup);
    sched::for_each_in_pgrp(pgrp, signal_member, &go_on);
}

Result<sched::PidNumber> setsid() {
    Task& task = sched::current();
    SignalStruct& signal = *task.signal;
    IrqGuard guard(tasks_lock);
    const auto exists = [](SignalStruct&, void*) {};
    if (signal.is_session_leader || sched::for_each_in_pgrp(task.tgid, exists, nullptr)) {
        return EPERM;
    }
    sched::join_session(signal, task.tgid);
    sched::join_pgrp(signal, task.tgid);
    signal.is_session_leader = true;
    IrqGuard sighand_guard(task.sighand->lock);
    signal.tty = nullptr;
    return task.tgid;
}

Result<void> setpgid(sched::PidNumber pid, sched::PidNumber pgrp) {
    const sched::PidNumber self = sched::current().tgid;
    if (pid == 0) pid = self;
    if (pgrp == 0) pgrp = pid;
    if (pgrp < 0) return EINVAL;
    IrqGuard guard(tasks_lock);
    Task& task = *TRY(target_of_setpgid(pid));
    SignalStruct& signal = *task.signal;
    if (signal.is_session_leader) return EPERM;
    if (pgrp != pid) {
        // An existing group, of this session.
        sched::PidNumber session = 0;
        const auto note = [](SignalStruct& member, void* found) {
            *static_cast<sched::PidNumber*>(found) = member.session;
        };
        if (!sched::for_each_in_pgrp(pgrp, note, &session)) return EPERM;
        if (session != sched::current().signal->session) return EPERM;
    }
    if (signal.pgrp != pgrp) sched::join_pgrp(signal, pgrp);
    return {};
}

}  // namespace process
