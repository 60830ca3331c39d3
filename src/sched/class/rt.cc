// LAB FILE (03-scheduling): the real-time class: the most urgent task runs, until it sleeps or
// yields. Linux: kernel/sched/rt.c.
//
// Of two that are equally urgent, SCHED_FIFO runs first who came first; SCHED_RR takes turns.

#include "abi/sched.h"
#include "lib/lab.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

/// LAB scheduling, task 4 "Real time" (handouts/03-scheduling.md). Write the body.
///   After   the task waits in the list of its priority: behind its equals or before them. The bit
///           map says so.
///   Use     rt.queue[], task.prio, push_back(), push_front(), rt.mark().
///   Check   `make grade LAB=scheduling T=rt_order`
void insert(RtRq& rt, Task& task, bool at_the_back) {
#ifdef SOLVED_SCHEDULING
    RtRq::Queue& queue = rt.queue[task.prio];
    if (at_the_back) {
        queue.push_back(task);
    } else {
        queue.push_front(task);
    }
    rt.mark(task.prio);
#else
    lab_todo("scheduling", "insert");
#endif
}

/// LAB scheduling, task 4 "Real time" (handouts/03-scheduling.md). Write the body.
///   After   the task, which waited, is in no list; the bit map is right.
///   Use     RtRq::Queue::remove(), rt.unmark().
///   Check   `make grade LAB=scheduling T=rt_order`
///   Think   what does first_prio() find if a bit stays set?
void remove(RtRq& rt, Task& task) {
#ifdef SOLVED_SCHEDULING
    RtRq::Queue::remove(task);
    if (rt.queue[task.prio].empty()) rt.unmark(task.prio);
#else
    lab_todo("scheduling", "remove");
#endif
}

void count(RunQueue& rq) {
    rq.nr_running++;
    rq.rt.nr_running++;
}
void uncount(RunQueue& rq) {
    rq.nr_running--;
    rq.rt.nr_running--;
}

/// From here on the time counts that a real-time task may run without sleeping.
void begin_awake(Task& task, Why why) {
    const bool goes_on = why == Why::Requeue || why == Why::Migrate;
    if (!goes_on) task.rt.awake_from_ns = task.se.sum_exec_runtime;
}

class RtClass final : public SchedClass {
public:
    void enqueue(RunQueue& rq, Task& task, Why why) const override {
        begin_awake(task, why);
        insert(rq.rt, task, true);
        count(rq);
    }
    void dequeue(RunQueue& rq, Task& task) const override {
        remove(rq.rt, task);
        uncount(rq);
    }
    void deactivate(RunQueue& rq, Task& task) const override {
        task.rt.slice_used_ns = 0;
        uncount(rq);
    }
    void adopt(RunQueue& rq, Task& task, Why why) const override {
        begin_awake(task, why);
        count(rq);
    }
    void joined_asleep(RunQueue&, Task&) const override {}

    Task* pick_next(RunQueue& rq) const override;
    void put_prev(RunQueue& rq, Task& task) const override;

    void update_curr(RunQueue& rq, Task& task, u64 delta) const override {
        task.rt.slice_used_ns += delta;
        if (rt_charge(rq, rq.clock, delta)) resched_curr(rq);
    }

    bool task_tick(RunQueue& rq, Task& task) const override;

    bool preempts(RunQueue& rq, const Task& woken) const override {
        return woken.prio < rq.current->prio;
    }
    void yield(RunQueue&, Task& task) const override { task.rt.to_the_back = true; }
    u64 rr_interval(RunQueue&, const Task& task) const override {
        return task.policy == abi::SCHED_RR ? tunable(tunables.rr_timeslice_ns) : 0;
    }
    void migrate(const RunQueue&, const RunQueue&, Task&) const override {}
};
constinit RtClass rt;

/// LAB scheduling, task 4 "Real time" (handouts/03-scheduling.md). Write the body.
///   After   the first of the most urgent tasks waits no more; it is returned. Null if nobody
///           waits, or real-time tasks have had their share of this period.
///   Use     rq.rt.has_waiting(), rt_may_run(), rq.rt.first_prio(), front(), remove().
///   Check   `make grade LAB=scheduling T=rt_order`
Task* RtClass::pick_next(RunQueue& rq) const {
#ifdef SOLVED_SCHEDULING
    if (!rq.rt.has_waiting() || !rt_may_run(rq)) return nullptr;
    Task* const task = rq.rt.queue[rq.rt.first_prio()].front();
    remove(rq.rt, *task);
    return task;
#else
    lab_todo("scheduling", "RtClass::pick_next");
#endif
}

/// LAB scheduling, task 4 "Real time" (handouts/03-scheduling.md). Write the body.
///   Before  the task ran until now, and stays ready. rt.to_the_back: it has yielded, or its turn
///           is over.
///   After   it waits: behind its equals if so, else before them, since it lost the processor to
///           somebody more urgent. to_the_back is false again.
///   Check   `make grade LAB=scheduling T=rt_order`
///   Think   two FIFO tasks of priority 10 are ready, the second comes when the first runs. Then
///           one of 20 runs for a moment. Who of the two goes on?
void RtClass::put_prev(RunQueue& rq, Task& task) const {
#ifdef SOLVED_SCHEDULING
    insert(rq.rt, task, task.rt.to_the_back);
    task.rt.to_the_back = false;
#else
    lab_todo("scheduling", "RtClass::put_prev");
#endif
}

/// LAB scheduling, task 4 "Real time" (handouts/03-scheduling.md). Write the body.
///   Before  a tick has interrupted `task`; it has been charged.
///   After   true if another should run. That is so if real-time tasks have had their share; and
///           for a SCHED_RR task whose turn is over (slice_used_ns is rr_timeslice_ns or more),
///           if an equal waits: it is to go to the back. Its next turn begins, alone or not.
///   Use     rt_may_run(), task.policy, tunable(tunables.rr_timeslice_ns), rq.rt.queue[].
///   Check   `make grade LAB=scheduling T=rt_order`
bool RtClass::task_tick(RunQueue& rq, Task& task) const {
#ifdef SOLVED_SCHEDULING
    if (!rt_may_run(rq)) return true;
    if (task.policy != abi::SCHED_RR) return false;
    if (task.rt.slice_used_ns < tunable(tunables.rr_timeslice_ns)) return false;
    task.rt.slice_used_ns = 0;
    task.rt.to_the_back = !rq.rt.queue[task.prio].empty();
    return task.rt.to_the_back;
#else
    lab_todo("scheduling", "RtClass::task_tick");
#endif
}

}  // namespace

const SchedClass& rt_class = rt;

}  // namespace sched
