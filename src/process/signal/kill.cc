// kill(2), tgkill(2), and signals to whole process groups.

#include "process/signal_internal.h"

namespace process {

namespace {

/// Collects what happened to several targets: success if one succeeded.
struct GroupSend {
    abi::SigInfo info;
    bool check;  // the sender needs permission
    bool any_sent = false;
    bool any_refused = false;

    Result<void> outcome() const {
        if (any_sent) return {};
        return any_refused ? EPERM : ESRCH;
    }
};

void send_to_one(Task& leader, GroupSend& send) REQUIRES(tasks_lock) {
    if (send.check && !check_kill_permission(send.info.signo, leader).ok()) {
        send.any_refused = true;
        return;
    }
    send.any_sent = true;
    if (send.info.signo != 0) (void)send_signal_locked(leader, send.info, Target::Process);
}

Result<void> send_to_pgrp(sched::PidNumber pgrp, GroupSend& send) REQUIRES(tasks_lock) {
    sched::for_each_in_pgrp(
        pgrp,
        [](SignalStruct& signal, void* context) REQUIRES(tasks_lock) {
            send_to_one(*signal.leader, *static_cast<GroupSend*>(context));
        },
        &send);
    return send.outcome();
}

/// kill(-1): everybody but init, kernel threads and the sender.
Result<void> send_to_all(GroupSend& send) REQUIRES(tasks_lock) {
    sched::for_each_process(
        [](Task& task, void* context) REQUIRES(tasks_lock) {
            if (task.signal == nullptr || task.tgid == sched::kInitPid) return;
            if (task.tgid == sched::current().tgid) return;
            send_to_one(task, *static_cast<GroupSend*>(context));
        },
        &send);
    if (send.any_refused) return {};  // as Linux: whoever could not be told does not count
    return send.outcome();
}

}  // namespace

Result<void> send_checked(Task& task, const abi::SigInfo& info, Target target) {
    TRY(check_kill_permission(info.signo, task));
    if (info.signo == 0) return {};
    return send_signal_locked(task, info, target);
}

Result<void> kill_pgrp(sched::PidNumber pgrp, int signal) {
    GroupSend send{.info = {}, .check = false};
    send.info.signo = signal;
    send.info.code = abi::SI_KERNEL;
    IrqGuard guard(tasks_lock);
    return send_to_pgrp(pgrp, send);
}

/// Whether there is such a signal is asked only of who is there: that nobody is, is told first.
static Result<void> for_invalid_signal(Result<void> found) {
    return !found.ok() && found.error() == ESRCH ? ESRCH : EINVAL;
}

Result<void> kill(sched::PidNumber pid, int signal) {
    if (signal != 0 && !is_valid_signal(signal)) return for_invalid_signal(kill(pid, 0));
    if (pid == INT32_MIN) return ESRCH;
    GroupSend send{.info = info_from_current(signal, abi::SI_USER), .check = true};
    IrqGuard guard(tasks_lock);
    if (pid == -1) return send_to_all(send);
    if (pid == 0) return send_to_pgrp(sched::current().signal->pgrp, send);
    if (pid < 0) return send_to_pgrp(-pid, send);
    Task* const task = sched::find_task(pid);
    if (task == nullptr) return ESRCH;
    return send_checked(*task, send.info, Target::Process);
}

Result<void> tgkill(sched::PidNumber tgid, sched::PidNumber tid, int signal) {
    if (signal != 0 && !is_valid_signal(signal)) {
        return for_invalid_signal(tgkill(tgid, tid, 0));
    }
    return send_to_thread(tgid, tid, info_from_current(signal, abi::SI_TKILL));
}

Result<void> send_to_thread(sched::PidNumber tgid, sched::PidNumber tid, const abi::SigInfo& info) {
    IrqGuard guard(tasks_lock);
    Task* const task = sched::find_task(tid);
    if (task == nullptr || (tgid > 0 && task->tgid != tgid)) return ESRCH;
    return send_checked(*task, info, Target::Thread);
}

Result<void> send_to_process(sched::PidNumber pid, const abi::SigInfo& info) {
    IrqGuard guard(tasks_lock);
    Task* const task = sched::find_task(pid);
    if (task == nullptr) return ESRCH;
    return send_checked(*task, info, Target::Process);
}

bool is_ignored_or_blocked(Task& task, int signal) {
    IrqGuard guard(task.sighand->lock);
    return (task.blocked & sig_bit(signal)) || is_ignored(task, signal);
}

}  // namespace process
