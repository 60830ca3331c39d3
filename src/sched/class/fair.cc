// The fair class: virtual run time and what follows from it. Linux: kernel/sched/fair.c.

#include "abi/sched.h"
#include "core/time/clock.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr u32 kNice0Weight = 1024;
constexpr u32 kIdleWeight = 3;  // of SCHED_IDLE, whatever its nice value

/// Linux' sched_prio_to_weight: from nice -20 to 19, each 1.25 times the next.
constexpr u32 kWeights[40] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};

/// Real nanoseconds as virtual ones for a task of that weight.
u64 to_virtual(u64 ns, u32 weight) {
    return weight == kNice0Weight ? ns : ns * kNice0Weight / weight;
}

/// The time within which every ready task should run once, divided by weight.
u64 slice_of(const CfsRq& cfs, const Task& task) {
    const u64 latency = tunable(tunables.latency_ns);
    const u64 least = tunable(tunables.min_granularity_ns);
    const u64 period = std::max(latency, cfs.nr_running * least);
    return cfs.load == 0 ? period : period * task.se.weight / cfs.load;
}

/// `running`: the running task, if it is a fair one and stays ready; else null.
void update_min_vruntime(CfsRq& cfs, const Task* running) {
    const Task* least = cfs.tree.first();
    if (running != nullptr && (least == nullptr || ByVruntime()(*running, *least))) least = running;
    if (least != nullptr && i64(least->se.vruntime - cfs.min_vruntime) > 0) {
        cfs.min_vruntime = least->se.vruntime;
    }
}

const Task* running_fair(const RunQueue& rq) {
    const Task* running = rq.current;
    return running->sched_class == ClassId::Fair && running->on_rq ? running : nullptr;
}

void place(RunQueue& rq, Task& task, Why why) {
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

    Task* pick_next(RunQueue& rq) const override {
        Task* task = rq.cfs.tree.first();
        if (task != nullptr) rq.cfs.tree.erase(*task);
        return task;
    }

    void put_prev(RunQueue& rq, Task& task) const override { rq.cfs.tree.insert(task); }

    void update_curr(RunQueue& rq, Task& task, u64 delta) const override {
        task.se.vruntime += to_virtual(delta, task.se.weight);
        update_min_vruntime(rq.cfs, task.on_rq ? &task : nullptr);
    }

    /// True if it has run for its slice, or somebody has fallen behind it by that much.
    bool task_tick(RunQueue& rq, Task& task) const override {
        if (rq.cfs.nr_running < 2) return false;
        const u64 ran = task.se.sum_exec_runtime - task.se.prev_sum_exec_runtime;
        const u64 slice = slice_of(rq.cfs, task);
        if (ran > slice) return true;
        if (ran < tunable(tunables.min_granularity_ns)) return false;
        const Task* first = rq.cfs.tree.first();
        return first != nullptr && i64(task.se.vruntime - first->se.vruntime) > i64(slice);
    }

    /// SCHED_BATCH and SCHED_IDLE wait for the tick; and SCHED_IDLE gives way to everybody.
    bool preempts(RunQueue& rq, const Task& woken) const override {
        const Task& running = *rq.current;
        const bool woken_is_idle = woken.policy == abi::SCHED_IDLE;
        if (running.policy == abi::SCHED_IDLE && !woken_is_idle) return true;
        if (woken_is_idle || woken.policy == abi::SCHED_BATCH) return false;
        const i64 lead = i64(running.se.vruntime - woken.se.vruntime);
        const u64 least = tunable(tunables.wakeup_granularity_ns);
        return lead > i64(to_virtual(least, woken.se.weight));
    }

    /// Behind the task that would be next: otherwise the caller, having run little, would be picked
    /// again.
    void yield(RunQueue& rq, Task& task) const override {
        const Task* first = rq.cfs.tree.first();
        if (first != nullptr && i64(first->se.vruntime - task.se.vruntime) >= 0) {
            task.se.vruntime = first->se.vruntime + 1;
        }
    }

    u64 rr_interval(RunQueue& rq, const Task& task) const override {
        return rq.cfs.load != 0 ? slice_of(rq.cfs, task) : 0;
    }

    void migrate(const RunQueue& from, const RunQueue& to, Task& task) const override {
        task.se.vruntime += to.cfs.min_vruntime - from.cfs.min_vruntime;
    }
};
constinit FairClass fair;

}  // namespace

const SchedClass& fair_class = fair;

u32 weight_of_nice(int nice) {
    ASSERT(nice >= -20 && nice <= 19);
    return kWeights[nice + 20];
}

u32 weight_of(u32 policy, int nice) {
    return policy == abi::SCHED_IDLE ? kIdleWeight : weight_of_nice(nice);
}

}  // namespace sched
