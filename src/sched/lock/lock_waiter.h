/// One task that sleeps until it gets a lock; it stands on the task's own stack. Guarded by the
/// inner spin lock of the lock it waits for.
#pragma once

#include "lib/list.h"
#include "sched/task.h"

namespace sched {

struct LockWaiter {
    ListLink link;
    Task* task = &current();
    bool wants_all = false;   // a writer, where there are readers, too
    bool is_granted = false;  // the lock is ours: who released it has seen to that
    bool came_late = false;   // somebody else was quicker once: not again
};

using LockWaiters = List<LockWaiter, &LockWaiter::link>;

}  // namespace sched
