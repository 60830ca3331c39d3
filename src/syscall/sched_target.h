/// Whom the calls of the scheduler are about, and whether the caller may.
#pragma once

#include "abi/prctl.h"
#include "fs/inode.h"
#include "sched/sched.h"

namespace syscall {

/// The task with that number, 0 for the caller; it cannot go away while it is held. EINVAL for a
/// negative number, ESRCH.
inline Result<Ref<sched::Task>> get_task(sched::PidNumber pid) {
    if (pid < 0) return EINVAL;
    if (pid == 0) return Ref<sched::Task>::share(&sched::current());
    IrqGuard guard(sched::tasks_lock);
    sched::Task* const task = sched::find_task(pid);
    if (task == nullptr) return ESRCH;
    return Ref<sched::Task>::share(task);
}

/// The task is the caller's own. Linux: check_same_owner().
inline bool is_same_owner(const sched::Task& task) {
    const sched::Cred& mine = sched::current().cred;
    return mine.euid == task.cred.uid || mine.euid == task.cred.euid;
}

/// Own tasks, or all with CAP_SYS_NICE.
inline bool may_schedule(const sched::Task& task) {
    return is_same_owner(task) || sched::capable(abi::CAP_SYS_NICE);
}

/// The soft limit of the task's process; 0 for a kernel thread.
inline u64 limit_of(const sched::Task& task, unsigned resource) {
    return task.signal != nullptr ? task.signal->rlimits[resource].current : 0;
}

}  // namespace syscall
