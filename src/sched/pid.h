/// Process numbers and what is found by them: tasks, thread groups, process groups, sessions.
/// Linux: kernel/pid.c.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/result.h"

namespace sched {

struct Task;
struct SignalStruct;

using PidNumber = i32;

/// Guards the pid table, the lists in Pid, and in Task: parent, children, group and session
/// membership. "The task list" for short.
extern constinit SpinLock tasks_lock;

/// A number in use: by a task, or because a process group or session still bears it. Linux'
/// struct pid.
struct Pid;

inline constexpr PidNumber kPidMax = 32768;
/// Numbers given out are below this: /proc/sys/kernel/pid_max, from kLeastPidMax to kPidMax.
inline constexpr PidNumber kLeastPidMax = 301;
extern constinit std::atomic<u32> pid_max;

inline constexpr PidNumber kInitPid = 1, kKthreaddPid = 2;

/// Gives `task` a number of its own: `wanted`, or if that is 0 the lowest free one above the last
/// one given out. Nobody finds the task by it until attach_pid(). EEXIST if the wanted one is
/// taken, EAGAIN if all are, ENOMEM.
Result<PidNumber> reserve_pid(Task& task, PidNumber wanted = 0);
/// Lets the task, which is complete now, be found by its number.
void attach_pid(Task& task) REQUIRES(tasks_lock);
/// Both at once, for tasks without a process (kernel threads).
Result<PidNumber> alloc_pid(Task& task, PidNumber wanted = 0);
/// Takes the task out of the table again, attached or not; the number is free once no group or
/// session bears it.
void free_pid(Task& task) REQUIRES(tasks_lock);

/// execve() by a thread that is not the leader: `task` takes over the number of the leader, and
/// gives the leader its own.
void exchange_pids(Task& task, Task& leader) REQUIRES(tasks_lock);

/// Moves the process into a group or session; the number is that of a task or of an existing
/// group or session. 0: out of all.
void join_pgrp(SignalStruct& signal, PidNumber pgrp) REQUIRES(tasks_lock);
void join_session(SignalStruct& signal, PidNumber session) REQUIRES(tasks_lock);

/// Calls `body` for each process of the group, or of the session; false if there is none.
bool for_each_in_pgrp(PidNumber pgrp, void (*body)(SignalStruct&, void*), void* context)
    REQUIRES(tasks_lock);
bool for_each_in_session(PidNumber session, void (*body)(SignalStruct&, void*), void* context)
    REQUIRES(tasks_lock);

/// The task numbered `number`, dead but unreaped ones included; null if there is none.
Task* find_task(PidNumber number) REQUIRES(tasks_lock);

/// The task of the lowest number >= `number`: for walking the table (procfs).
Task* next_task(PidNumber number) REQUIRES(tasks_lock);

/// Calls `body(Task&)` for every thread-group leader. The task list is locked meanwhile.
void for_each_process(void (*body)(Task&, void*), void* context) REQUIRES(tasks_lock);

u64 task_count();  // all threads
u64 last_pid();    // for /proc/loadavg

}  // namespace sched
