/// Kernel threads: tasks without user memory. Linux: kernel/kthread.c.
///
///     while (!kthread_should_stop()) {             // the thread's function
///         if (kthread_should_park()) kthread_parkme();
///         …                                        // sleeps in kInterruptible, looks again
///     }
///
/// A thread that somebody means to stop or to park looks at both after each sleep; or else whoever
/// asks waits for ever. Who calls kthread_stop(), kthread_park() or kthread_unpark() for a thread
/// that may end by itself holds a reference to it.
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

/// The `arg` of a kernel thread. Any context.
void* kthread_data(const Task& task);

/// The running kernel thread ends here. kthread_stop() yields `result`; it is 0 for a function that
/// just returns.
[[noreturn]] void kthread_exit(Result<i32> result);

/// Asks a thread to end, wakes it (a parked one, too) and waits until its function has returned:
/// what that needed may be freed then. Yields what it gave kthread_exit(). EINTR: the function was
/// never called, since the thread had not begun. Process context; sleeps, whatever signals come.
Result<i32> kthread_stop(Task& task);

/// For the thread's loop; true once kthread_stop() was called. False in tasks of another kind.
bool kthread_should_stop();

/// Asks a thread to do nothing, wakes it and waits until it has got to kthread_parkme(). EBUSY: it
/// was asked before. ESRCH: it has ended. Process context; sleeps, whatever signals come. Nobody
/// else parks, unparks or stops it meanwhile.
Result<void> kthread_park(Task& task);
/// Lets a parked thread go on; nothing happens to others.
void kthread_unpark(Task& task);

/// For the thread's loop; true from kthread_park() to kthread_unpark().
bool kthread_should_park();
/// Sleeps (state P) for as long as kthread_should_park().
void kthread_parkme();

/// What process/ does for a new kernel thread: a number, a parent (kthreadd), a place in the lists.
/// EAGAIN, ENOMEM. And for one whose function has returned; does not come back. Set at boot.
extern Result<void> (*adopt_kthread)(Task& task);
extern void (*kthread_exit_hook)(Task& task);

/// Frees what kthread_create() has made beside the task; null is nothing. For Task::release().
void free_kthread(Kthread* kthread);

/// Boot: lends threads to core/irq, for request_threaded_irq().
void init_irq_threads();

/// A bare Task with a kernel stack and reference count 1, in state kNew, on no list and without a
/// number. The beginning of every fork. ENOMEM.
Result<Task*> alloc_task();

}  // namespace sched
