/// The parts of schedule(): choosing and switching, each a step of its own.
///
/// A run queue's lock is taken by the task that leaves the processor and released by the one that
/// gets it (finish_task_switch), on the same processor: between, there is no task whose it could
/// be.
#pragma once

#include "sched/run_queue.h"

namespace sched {

/// Gives the processor to the best ready task; returns when the caller has it again, with
/// interrupts off. `preempted`: the running task did not ask for it, and goes on later whatever its
/// state. Preemption may be on or off.
void schedule_once(bool preempted);

/// Nobody has asked for another task since: need_resched() is false. Interrupts are off.
void clear_need_resched();

/// Takes a real-time or deadline task that waits elsewhere and is more urgent than what would run
/// here when `from` has been put away. No run queue is locked, interrupts are off.
void fetch_urgent_task(RunQueue& rq, const Task& from, bool preempted);

/// `to`, which pick_next() has chosen, runs on this processor instead of `from`; returns when
/// somebody has switched back to `from`: then call finish_task_switch(). Interrupts are off, and so
/// they are afterwards. `rq` is this processor's and locked; who runs now will unlock it.
/// `preempted`: `from` did not ask for it (for the trace).
void context_switch(RunQueue& rq, Task& from, Task& to, bool preempted);

/// Ends a switch, on the new task's stack: the old one's registers are saved, so others may have
/// it; the run queue is unlocked. Also the first call of a new task. Interrupts are off.
void finish_task_switch();

/// The running task, which is not ready any more, must go to another processor: it is woken there
/// once this one has let go of it.
void move_after_switch(Task& task);

}  // namespace sched
