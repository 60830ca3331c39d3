/// Process numbers and what is found by them: tasks, thread groups, process groups, sessions.
/// Linux: kernel/pid.c.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/result.h"

namespace sched {

struct Task;

using PidNumber = i32;

/// Guards the pid table, the lists in Pid, and in Task: parent, children, group and session
/// membership. "The task list" for short.
extern constinit SpinLock tasks_lock;

/// A number in use: by a task, or because a process group or session still bears it. Linux'
/// struct pid.
struct Pid;

inline constexpr PidNumber kPidMax = 32768;

/// Gives `task` the lowest free number above the last one given out, and enters it in the table.
/// EAGAIN if all are taken, ENOMEM.
Result<PidNumber> alloc_pid(Task& task);
/// Takes it out of the table again; the number is free once no group or session bears it.
void free_pid(Task& task) REQUIRES(tasks_lock);

/// The task numbered `number`, dead but unreaped ones included; null if there is none.
Task* find_task(PidNumber number) REQUIRES(tasks_lock);

/// The task of the lowest number >= `number`: for walking the table (procfs).
Task* next_task(PidNumber number) REQUIRES(tasks_lock);

/// Calls `body(Task&)` for every thread-group leader. The task list is locked meanwhile.
void for_each_process(void (*body)(Task&, void*), void* context) REQUIRES(tasks_lock);

u64 task_count();  // all threads
u64 last_pid();    // for /proc/loadavg

}  // namespace sched
