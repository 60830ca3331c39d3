// The two ends of the order: the stop class, whose one task of a processor (stop_machine.h) is
// preempted by nobody, and the idle class, whose one task runs when there is no other. Linux:
// kernel/sched/{stop_task,idle}.c.

#include "sched/run_queue.h"

namespace sched {

namespace {

/// There is one such task, so it needs no queue: it waits in `RunQueue::stop_waits`.
class StopClass final : public SchedClass {
public:
    void enqueue(RunQueue& rq, Task& task, Why) const override {
        rq.stop_waits = &task;
        rq.nr_running++;
    }
    void dequeue(RunQueue& rq, Task&) const override {
        rq.stop_waits = nullptr;
        rq.nr_running--;
    }
    void deactivate(RunQueue& rq, Task&) const override { rq.nr_running--; }
    void adopt(RunQueue& rq, Task&, Why) const override { rq.nr_running++; }
    void joined_asleep(RunQueue&, Task&) const override {}
    Task* pick_next(RunQueue& rq) const override {
        Task* const task = rq.stop_waits;
        rq.stop_waits = nullptr;
        return task;
    }
    void put_prev(RunQueue& rq, Task& task) const override { rq.stop_waits = &task; }
    void update_curr(RunQueue&, Task&, u64) const override {}
    bool task_tick(RunQueue&, Task&) const override { return false; }
    bool preempts(RunQueue&, const Task&) const override { return false; }
    void yield(RunQueue&, Task&) const override {}
    u64 rr_interval(RunQueue&, const Task&) const override { return 0; }
    void migrate(const RunQueue&, const RunQueue&, Task&) const override {}
};

/// The idle task is never ready in the sense of nr_running, and never waits.
class IdleClass final : public SchedClass {
public:
    void enqueue(RunQueue&, Task&, Why) const override {}
    void dequeue(RunQueue&, Task&) const override {}
    void deactivate(RunQueue&, Task&) const override {}
    void adopt(RunQueue&, Task&, Why) const override {}
    void joined_asleep(RunQueue&, Task&) const override {}
    Task* pick_next(RunQueue& rq) const override { return rq.idle; }
    void put_prev(RunQueue&, Task&) const override {}
    void update_curr(RunQueue&, Task&, u64) const override {}
    bool task_tick(RunQueue& rq, Task&) const override { return rq.nr_running > 0; }
    bool preempts(RunQueue&, const Task&) const override { return true; }
    void yield(RunQueue&, Task&) const override {}
    u64 rr_interval(RunQueue&, const Task&) const override { return 0; }
    void migrate(const RunQueue&, const RunQueue&, Task&) const override {}
};

constinit StopClass stop;
constinit IdleClass idle;

}  // namespace

const SchedClass& stop_class = stop;
const SchedClass& idle_class = idle;

constinit const SchedClass* classes[kClasses] = {};

void init_classes() {
    const SchedClass* const all[] = {&stop_class, &deadline_class, &rt_class, &fair_class,
                                     &idle_class};
    for (unsigned i = 0; i < kClasses; i++) classes[i] = all[i];
}

ClassId class_of_prio(i32 prio) {
    if (prio == kStopPrio) return ClassId::Stop;
    if (prio == kDeadlinePrio) return ClassId::Deadline;
    if (is_rt_prio(prio)) return ClassId::RealTime;
    return prio < kMaxPrio ? ClassId::Fair : ClassId::Idle;
}

}  // namespace sched
