/// Who may look into a process: its memory, its files, where in the kernel it is.
#pragma once

#include "sched/task.h"

namespace procfs {

/// Whether the running task may look into `task`, which is referenced: a thread of the same process
/// may; else its file-system user and group must be all those of the task, whose program must not
/// have come by rights that its user does not have (dumpable), and it may have no capability that
/// the caller lacks. CAP_SYS_PTRACE may always. See: ptrace(2), "Ptrace access mode checking",
/// PTRACE_MODE_READ_FSCREDS.
bool may_look_into(const sched::Task& task);

/// The same as an error: `why`.
Result<void> check_look_into(const sched::Task& task, Errno why);

/// Whether a file of /proc/<pid> belongs to root although the process does not: what it runs may
/// hold secrets that its user must not see.
bool is_owned_by_root(const sched::Task& task);

}  // namespace procfs
