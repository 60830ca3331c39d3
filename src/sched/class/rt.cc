// The real-time class: the most urgent task runs, until it sleeps or yields. Linux:
// kernel/sched/rt.c.
//
// Of two that are equally urgent, SCHED_FIFO runs first who came first; SCHED_RR takes turns.

#include "abi/sched.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

void insert(RtRq& rt, Task& task, bool at_the_back) {
    RtRq::Queue& queue = rt.queue[task.prio];
    if (at_the_back) {
        queue.push_back(task);
    } else {
        queue.push_front(task);
    }
    rt.mark(task.prio);
}

void remove(RtRq& rt, Task& task) {
    RtRq::Queue::remove(task);
    if (rt.queue[task.prio].empty()) rt.unmark(task.prio);
}

void count(RunQueue& rq) {
    rq.nr_running++;
    rq.rt.nr_running++;
}
void uncount(RunQueue& rq) {
    rq.nr_running--;
    rq.rt.nr_running--;
}

class RtClass final : public SchedClass {
public:
    void enqueue(RunQueue& rq, Task& task, Why) const override {
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
    void adopt(RunQueue& rq, Task&, Why) const override { count(rq); }
    void joined_asleep(RunQueue&, Task&) const override {}

    Task* pick_next(RunQueue& rq) const override {
        if (!rq.rt.has_waiting() || !rt_may_run(rq)) return nullptr;
        Task* const task = rq.rt.queue[rq.rt.first_prio()].front();
        remove(rq.rt, *task);
        return task;
    }

    /// Who was preempted by somebody more urgent keeps its place before its equals.
    void put_prev(RunQueue& rq, Task& task) const override {
        insert(rq.rt, task, task.rt.to_the_back);
        task.rt.to_the_back = false;
    }

    void update_curr(RunQueue& rq, Task& task, u64 delta) const override {
        task.rt.slice_used_ns += delta;
        if (rt_charge(rq, rq.clock, delta)) resched_curr(rq);
    }

    bool task_tick(RunQueue& rq, Task& task) const override {
        if (!rt_may_run(rq)) return true;
        if (task.policy != abi::SCHED_RR) return false;
        if (task.rt.slice_used_ns < tunable(tunables.rr_timeslice_ns)) return false;
        task.rt.slice_used_ns = 0;
        task.rt.to_the_back = !rq.rt.queue[task.prio].empty();
        return task.rt.to_the_back;
    }

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

}  // namespace

const SchedClass& rt_class = rt;

}  // namespace sched
