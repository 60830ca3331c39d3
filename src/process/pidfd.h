/// pidfd: a process as a file. It means the same process for ever, whereas a number may be given
/// to another one; it becomes readable when the process has ended. Linux: kernel/fork.c,
/// kernel/pid.c.
///
/// A pidfd keeps the SignalStruct of its process, which stays the same when another thread becomes
/// the leader, and outlives the tasks. Locks: tasks_lock tells whether the process still exists.
#pragma once

#include "fs/file.h"
#include "process/process.h"

namespace process {

/// A file for the process of `signal`, of which it keeps a reference. `flags`: O_NONBLOCK, with
/// which waitid() on it does not wait. ENOMEM.
Result<Ref<fs::File>> make_pidfd(sched::SignalStruct& signal, u32 flags);

/// pidfd_open(2): for the process numbered `pid`, dead but unreaped ones included. ESRCH; EINVAL:
/// the number is that of a thread that is no leader, or below 1. ENOMEM. Takes tasks_lock.
Result<Ref<fs::File>> pidfd_open(sched::PidNumber pid, u32 flags);

/// The process behind a file. It lives as long as the file. EBADF: the file is no pidfd.
Result<sched::SignalStruct*> process_of_pidfd(const fs::File& file);

/// Sends `info`, whose claims have been checked, to the process; number 0 only checks. EPERM,
/// EAGAIN; ESRCH: it has been reaped. Takes tasks_lock.
Result<void> send_to_process_of(sched::SignalStruct& signal, const abi::SigInfo& info);

/// pidfd_getfd(2): the file that the process has as `fd`. EBADF: no pidfd, or no such file; ESRCH:
/// the process is gone; EPERM: it is not the caller's to look into (ptrace(2), "Ptrace access mode
/// checking"). Takes tasks_lock.
Result<Ref<fs::File>> pidfd_getfd(const fs::File& file, int fd);

/// The process has ended: wakes who waits for that in poll(2).
void pidfd_notify(sched::SignalStruct& signal) REQUIRES(sched::tasks_lock);

}  // namespace process
