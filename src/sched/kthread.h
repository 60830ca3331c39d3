/// Kernel threads: tasks without user memory. Linux: kernel/kthread.c.
#pragma once

#include "lib/result.h"
#include "sched/task.h"

namespace sched {

/// Starts a thread that runs `fn(arg)`; it ends when that returns. Its parent is kthreadd (pid 2).
/// ENOMEM, EAGAIN.
Result<Task*> kthread_run(void (*fn)(void*), void* arg, const char* name);

/// As kthread_run(), but the thread does not run before wake_up_new_task(): meanwhile its nice
/// value and its processors can be set. ENOMEM, EAGAIN.
Result<Task*> kthread_create(void (*fn)(void*), void* arg, const char* name);

/// Ties a thread that does not run yet to one processor for good: sched_setaffinity(2) is refused.
void kthread_bind(Task& task, unsigned cpu);

/// For the thread's loop; true once kthread_stop() was called.
bool kthread_should_stop();

/// What process/ does for a new kernel thread: a number, a parent (kthreadd), a place in the lists.
/// EAGAIN, ENOMEM. And for one whose function has returned; does not come back. Set at boot.
extern Result<void> (*adopt_kthread)(Task& task);
extern void (*kthread_exit_hook)(Task& task);

/// Boot: lends threads to core/irq, for request_threaded_irq().
void init_irq_threads();

/// A bare Task with a kernel stack and reference count 1, in state kNew, on no list and without a
/// number. The beginning of every fork. ENOMEM.
Result<Task*> alloc_task();

}  // namespace sched
