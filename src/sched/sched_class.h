/// SchedClass: a way to choose who runs. Linux' struct sched_class.
///
/// Each task belongs to one class, and the classes are asked in the order of ClassId: a ready task
/// of an earlier class always runs before one of a later.
///
/// A ready task either waits (in a structure of its class, Task::waits is true) or runs (in no
/// structure). The class counts both: in its own part of the run queue, and in
/// RunQueue::nr_running.
///
/// All functions are called with the run queue locked, through RunQueue's of the same name.
#pragma once

#include "lib/types.h"

namespace sched {

struct Task;
struct RunQueue;

enum class ClassId : u8 { Stop, Deadline, RealTime, Fair, Idle };
inline constexpr unsigned kClasses = 5;

/// Why a task becomes ready.
enum class Why : u8 {
    Wakeup,
    Fork,
    ForkFirst,  // and the child shall run before its parent, which runs here
    Migrate,    // from another processor's queue
    Requeue,    // its weight or priority has changed
    Switch,     // from another class
};

class SchedClass {
public:
    /// `task` becomes ready and waits. The running task has been charged.
    virtual void enqueue(RunQueue& rq, Task& task, Why why) const = 0;
    /// A task that waits is not ready any more, or not here.
    virtual void dequeue(RunQueue& rq, Task& task) const = 0;
    /// The same for the running task: it sleeps, leaves the processor, or leaves the class.
    virtual void deactivate(RunQueue& rq, Task& task) const = 0;
    /// The running task has come into this class (Why::Switch), or has other numbers (Requeue).
    virtual void adopt(RunQueue& rq, Task& task, Why why) const = 0;

    /// A task that sleeps has come into this class: later it wakes up here.
    virtual void joined_asleep(RunQueue& rq, Task& task) const = 0;

    /// The best task stops waiting, to run now; null if there is none.
    virtual Task* pick_next(RunQueue& rq) const = 0;
    /// The running task waits again.
    virtual void put_prev(RunQueue& rq, Task& task) const = 0;

    /// Charges the running task, which has just run `delta` ns.
    virtual void update_curr(RunQueue& rq, Task& task, u64 delta) const = 0;
    /// A tick has interrupted the running task. True if another should run.
    virtual bool task_tick(RunQueue& rq, Task& task) const = 0;
    /// Both of this class: true if `woken` should run now rather than the running task.
    virtual bool preempts(RunQueue& rq, const Task& woken) const = 0;
    /// sched_yield(2): the running task wants to be behind its equals.
    virtual void yield(RunQueue& rq, Task& task) const = 0;
    /// sched_rr_get_interval(2); 0: no limit.
    virtual u64 rr_interval(RunQueue& rq, const Task& task) const = 0;
    /// `task` is in no queue, and goes from one processor to another: what it has that counts from
    /// the old queue counts from the new one now. Neither queue need be locked.
    virtual void migrate(const RunQueue& from, const RunQueue& to, Task& task) const = 0;

protected:
    ~SchedClass() = default;
};

extern const SchedClass& stop_class;
extern const SchedClass& deadline_class;
extern const SchedClass& rt_class;
extern const SchedClass& fair_class;
extern const SchedClass& idle_class;

/// The classes in the order in which they are asked. Filled at boot.
extern const SchedClass* classes[kClasses];
void init_classes();

/// The class in which a task of that (effective) priority runs.
ClassId class_of_prio(i32 prio);

}  // namespace sched
