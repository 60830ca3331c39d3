/// The scheduler's calls. Linux: kernel/sched/core.c.
#pragma once

#include "lib/result.h"
#include "sched/task.h"
#include "sched/usage.h"

namespace sched {

inline constexpr u64 kTickNs = 4'000'000;  // HZ = 250

/// Lets the most deserving ready task run. If the running task's state is not kRunning, it leaves
/// the run queue until try_to_wake_up(). No spin lock may be held.
void schedule();

/// Makes `task` ready if its state is one of `states`. False if it was not. Any context.
bool try_to_wake_up(Task& task, u32 states);
inline bool wake_up_process(Task& task) {
    return try_to_wake_up(task, kInterruptible | kUninterruptible);
}
/// The task's flags have changed: if it is in user mode on another processor, makes it enter the
/// kernel, so that it looks. Any context.
void kick_process(Task& task);

/// Starts a task made by fork: chooses its processor and its place in the queue.
void wake_up_new_task(Task& task);

/// execve: the task has nothing in this processor's caches any more, so it moves to an idle one if
/// others wait here. May sleep.
void sched_exec();

/// For loops that wait without a WaitQueue: set the state, test, schedule().
void set_current_state(u32 state);

/// For a state that no wake-up may undo which was meant for the sleep before: stopped, zombie,
/// dead. Waits for a wake-up that has seen the old state and is about to write kRunning.
void set_special_state(u32 state);

/// sched_yield(2).
void yield();

/// What fork has to set up and undo; `parent` is the running task.
/// EAGAIN: a deadline task can have no children, unless they are reset.
Result<void> sched_fork(Task& child, Task& parent);

/// The running task dies: switches away for the last time. The stack is freed by whoever runs
/// next.
[[noreturn]] void do_task_dead();

void set_user_nice(Task& task, int nice);

/// Takes the task to a processor in `mask`: once this returns, it is nowhere else. EINVAL if none
/// of them is online. Process context, no spin locks; may sleep. Before the stoppers run (boot), a
/// task on another processor leaves a little later.
Result<void> set_cpus_allowed(Task& task, u64 mask);

/// How long the task has been on a processor, up to now. Any context; takes its run queue's lock.
u64 task_runtime(const Task& task);

/// Called at each tick with the task that it interrupts, which is not an idle task; interrupt
/// context, no locks held. Null until process/ sets it.
extern void (*task_tick_hook)(Task& task, u64 now_ns);

/// User and system time of a running or sleeping task up to now.
CpuTimes cpu_times(const Task& task);

struct CpuStats {
    u64 user_ns, nice_ns, system_ns, idle_ns, irq_ns, softirq_ns;  // nice: user, of nice > 0
    u64 switches;
    u32 running;
};
CpuStats cpu_stats(unsigned cpu);
u64 total_forks();
void count_fork();

/// Load averages over 1, 5 and 15 minutes, fixed point with 11 fraction bits (LOAD_FREQ of Linux).
void load_averages(u64 (&averages)[3]);

/// Boot: the running code becomes this processor's idle task.
void init();
void init_secondary_cpu(unsigned cpu);
Task& idle_task(unsigned cpu);
Result<Task*> create_idle_task(unsigned cpu);
[[noreturn]] void cpu_idle_loop();

/// vm::switch_mm: loads the page tables of the task about to run. Set at boot.
extern void (*switch_mm_hook)(Task& previous, Task& next);

}  // namespace sched
