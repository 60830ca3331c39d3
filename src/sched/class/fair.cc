// LAB FILE (03-scheduling): the fair class: virtual run time and what follows from it. Linux:
// kernel/sched/fair.c.

#include "abi/sched.h"
#include "core/time/clock.h"
#include "lib/lab.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr u32 kNice0Weight = 1024;

/// Real nanoseconds as virtual ones for a task of that weight: the heavier, the slower its clock.
[[maybe_unused]] u64 to_virtual(u64 ns, u32 weight) {
    return weight == kNice0Weight ? ns : ns * kNice0Weight / weight;
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  `task` is ready in `cfs`, or about to be.
///   After   its part, by weight, of the time within which every ready task should run once. That
///           time is latency_ns, but at least min_granularity_ns for each of nr_running. The whole
///           of it while nobody is ready (load is 0).
///   Use     tunable(tunables.latency_ns), tunable(tunables.min_granularity_ns), cfs.load.
///   Check   `make grade LAB=scheduling T=fair_tick`
///   Think   in which order must you multiply and divide?
u64 slice_of(const CfsRq& cfs, const Task& task) {
#ifdef SOLVED_SCHEDULING
    const u64 latency = tunable(tunables.latency_ns);
    const u64 least = tunable(tunables.min_granularity_ns);
    const u64 period = std::max(latency, cfs.nr_running * least);
    return cfs.load == 0 ? period : period * task.se.weight / cfs.load;
#else
    lab_todo("scheduling", "slice_of");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  somebody ran, came or went. `running`: the running task, if it is a fair one and stays
///           ready; else null. It is not in the tree.
///   After   min_vruntime is the least vruntime of all ready tasks, if that is later than it was:
///           it never goes back.
///   Use     cfs.tree.first(), ByVruntime() or the sign of a difference.
///   Check   `make grade LAB=scheduling T=fair_charge`
///   Think   what would a task that wakes up get, if min_vruntime could go back?
void update_min_vruntime(CfsRq& cfs, const Task* running) {
#ifdef SOLVED_SCHEDULING
    const Task* least = cfs.tree.first();
    if (running != nullptr && (least == nullptr || ByVruntime()(*running, *least))) least = running;
    if (least != nullptr && i64(least->se.vruntime - cfs.min_vruntime) > 0) {
        cfs.min_vruntime = least->se.vruntime;
    }
#else
    lab_todo("scheduling", "update_min_vruntime");
#endif
}

const Task* running_fair(const RunQueue& rq) {
    const Task* running = rq.current;
    return running->sched_class == ClassId::Fair && running->on_rq ? running : nullptr;
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  `task` becomes ready; it is not counted yet. The running task has been charged.
///   After   task.se.vruntime says where it waits. Fork: one slice of its own, in virtual time,
///           behind min_vruntime. ForkFirst: where its parent is (rq.current), which moves back by
///           a slice of its own. Wakeup: where it was, but at most half of latency_ns before
///           min_vruntime. Switch: at min_vruntime. Migrate, Requeue: as it is.
///   Use     slice_of(), to_virtual(), tunable(tunables.latency_ns).
///   Check   `make grade LAB=scheduling T=fair_place`
///   Think   a task has slept for an hour. What does it do to the others without that "at most"?
void place(RunQueue& rq, Task& task, Why why) {
#ifdef SOLVED_SCHEDULING
    CfsRq& cfs = rq.cfs;
    u64& vruntime = task.se.vruntime;
    switch (why) {
    case Why::Fork:  // behind everybody who is already here
        vruntime = cfs.min_vruntime + to_virtual(slice_of(cfs, task), task.se.weight);
        break;
    case Why::ForkFirst: {  // in the parent's place, which pays for it
        SchedEntity& parent = rq.current->se;
        vruntime = parent.vruntime;
        parent.vruntime += to_virtual(slice_of(cfs, *rq.current), parent.weight);
        break;
    }
    case Why::Wakeup: {
        // A sleeper is compensated, but by at most half a period, however long it slept.
        const u64 earliest = cfs.min_vruntime - tunable(tunables.latency_ns) / 2;
        if (i64(vruntime - earliest) < 0) vruntime = earliest;
        break;
    }
    case Why::Switch: vruntime = cfs.min_vruntime; break;
    case Why::Migrate:  // migrate() has made it relative to this queue
    case Why::Requeue: break;
    }
#else
    lab_todo("scheduling", "place");
#endif
}

void count(RunQueue& rq, const Task& task) {
    rq.nr_running++;
    rq.cfs.nr_running++;
    rq.cfs.nr_idle_policy += task.policy == abi::SCHED_IDLE;
    rq.cfs.load += task.se.weight;
}

void uncount(RunQueue& rq, const Task& task) {
    rq.nr_running--;
    rq.cfs.nr_running--;
    rq.cfs.nr_idle_policy -= task.policy == abi::SCHED_IDLE;
    rq.cfs.load -= task.se.weight;
}

class FairClass final : public SchedClass {
public:
    void enqueue(RunQueue& rq, Task& task, Why why) const override {
        place(rq, task, why);
        rq.cfs.tree.insert(task);
        count(rq, task);
    }

    void dequeue(RunQueue& rq, Task& task) const override {
        rq.cfs.tree.erase(task);
        uncount(rq, task);
        update_min_vruntime(rq.cfs, running_fair(rq));
    }

    void deactivate(RunQueue& rq, Task& task) const override { uncount(rq, task); }
    void adopt(RunQueue& rq, Task& task, Why why) const override {
        if (why == Why::Switch) task.se.vruntime = rq.cfs.min_vruntime;
        count(rq, task);
    }

    void joined_asleep(RunQueue& rq, Task& task) const override {
        task.se.vruntime = rq.cfs.min_vruntime;  // what it had is of long ago and far away
    }

    Task* pick_next(RunQueue& rq) const override;
    void put_prev(RunQueue& rq, Task& task) const override;
    void update_curr(RunQueue& rq, Task& task, u64 delta) const override;
    bool task_tick(RunQueue& rq, Task& task) const override;
    bool preempts(RunQueue& rq, const Task& woken) const override;
    void yield(RunQueue& rq, Task& task) const override;
    void migrate(const RunQueue& from, const RunQueue& to, Task& task) const override;

    u64 rr_interval(RunQueue& rq, const Task& task) const override {
        return rq.cfs.load != 0 ? slice_of(rq.cfs, task) : 0;
    }
};
constinit FairClass fair;

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   After   the task that has run least, in virtual time, waits no more; it is returned, and null
///           if nobody waits.
///   Use     rq.cfs.tree.
///   Check   `make grade LAB=scheduling T=timeline_order`
Task* FairClass::pick_next(RunQueue& rq) const {
#ifdef SOLVED_SCHEDULING
    Task* task = rq.cfs.tree.first();
    if (task != nullptr) rq.cfs.tree.erase(*task);
    return task;
#else
    lab_todo("scheduling", "FairClass::pick_next");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   After   the task that ran until now waits, at its vruntime. It has been counted all the time.
///   Check   `make grade LAB=scheduling T=timeline_order`
void FairClass::put_prev(RunQueue& rq, Task& task) const {
#ifdef SOLVED_SCHEDULING
    rq.cfs.tree.insert(task);
#else
    lab_todo("scheduling", "FairClass::put_prev");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  `task` has run for another `delta` ns of real time; perhaps it is about to sleep.
///   After   its virtual run time has advanced by as much as its weight says, and min_vruntime has
///           followed.
///   Use     to_virtual(), update_min_vruntime(), task.on_rq (0: not ready any more).
///   Check   `make grade LAB=scheduling T=fair_charge`
///   Think   a task of weight 2048 and one of 1024 advance by the same. Which has run longer?
void FairClass::update_curr(RunQueue& rq, Task& task, u64 delta) const {
#ifdef SOLVED_SCHEDULING
    task.se.vruntime += to_virtual(delta, task.se.weight);
    update_min_vruntime(rq.cfs, task.on_rq ? &task : nullptr);
#else
    lab_todo("scheduling", "FairClass::update_curr");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  a tick has interrupted `task`; it has been charged.
///   After   true if another should run: somebody else is ready, and the task has run for more than
///           its slice since it was picked, or, once that is at least min_granularity_ns, the first
///           of those who wait has fallen behind it by more than a slice in virtual time.
///   Use     slice_of(); sum_exec_runtime and prev_sum_exec_runtime (its value when it was picked).
///   Check   `make grade LAB=scheduling T=fair_tick`
///   Think   what would be lost without min_granularity_ns, with a hundred ready tasks?
bool FairClass::task_tick(RunQueue& rq, Task& task) const {
#ifdef SOLVED_SCHEDULING
    if (rq.cfs.nr_running < 2) return false;
    const u64 ran = task.se.sum_exec_runtime - task.se.prev_sum_exec_runtime;
    const u64 slice = slice_of(rq.cfs, task);
    if (ran > slice) return true;
    if (ran < tunable(tunables.min_granularity_ns)) return false;
    const Task* first = rq.cfs.tree.first();
    return first != nullptr && i64(task.se.vruntime - first->se.vruntime) > i64(slice);
#else
    lab_todo("scheduling", "FairClass::task_tick");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  `woken` has just been enqueued; rq.current, another fair task, has been charged.
///   After   true if `woken` should run at once. Who is SCHED_IDLE gives way to all who are not;
///           otherwise SCHED_IDLE and SCHED_BATCH wait for the tick. All others: the running task
///           is ahead by more than wakeup_granularity_ns, in the virtual time of `woken`.
///   Use     policy, abi::SCHED_IDLE, abi::SCHED_BATCH, to_virtual().
///   Check   `make grade LAB=scheduling T=fair_preempts`
///   Think   why not simply: whoever has the lesser vruntime?
bool FairClass::preempts(RunQueue& rq, const Task& woken) const {
#ifdef SOLVED_SCHEDULING
    const Task& running = *rq.current;
    const bool woken_is_idle = woken.policy == abi::SCHED_IDLE;
    if (running.policy == abi::SCHED_IDLE && !woken_is_idle) return true;
    if (woken_is_idle || woken.policy == abi::SCHED_BATCH) return false;
    const i64 lead = i64(running.se.vruntime - woken.se.vruntime);
    const u64 least = tunable(tunables.wakeup_granularity_ns);
    return lead > i64(to_virtual(least, woken.se.weight));
#else
    lab_todo("scheduling", "FairClass::preempts");
#endif
}

/// LAB scheduling, task 3 "Fair" (handouts/03-scheduling.md). Write the body.
///   Before  the running task has called sched_yield(), and will be put back.
///   After   the first of those who wait is before it: otherwise the caller, having run little,
///           would be picked again. Nothing has changed if it already is, or nobody waits.
///   Check   `make grade LAB=scheduling T=fair_preempts`
void FairClass::yield(RunQueue& rq, Task& task) const {
#ifdef SOLVED_SCHEDULING
    const Task* first = rq.cfs.tree.first();
    if (first != nullptr && i64(first->se.vruntime - task.se.vruntime) >= 0) {
        task.se.vruntime = first->se.vruntime + 1;
    }
#else
    lab_todo("scheduling", "FairClass::yield");
#endif
}

/// LAB scheduling, task 6 "Balance" (handouts/03-scheduling.md). Write the body.
///   Before  the task is in no queue; it was in `from`, and will be in `to`.
///   After   it stands as far from min_vruntime there as it stood here.
///   Check   `make grade LAB=scheduling T=fair_place`
///   Think   one processor has been busy for an hour, another for a minute.
void FairClass::migrate(const RunQueue& from, const RunQueue& to, Task& task) const {
#ifdef SOLVED_SCHEDULING
    task.se.vruntime += to.cfs.min_vruntime - from.cfs.min_vruntime;
#else
    lab_todo("scheduling", "FairClass::migrate");
#endif
}

}  // namespace

const SchedClass& fair_class = fair;

}  // namespace sched
