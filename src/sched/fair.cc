// The fair scheduler: virtual run time and what follows from it. Linux: kernel/sched/fair.c.

#include "core/time/clock.h"
#include "sched/run_queue.h"

namespace sched {

namespace {

constexpr u32 kNice0Weight = 1024;

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

}  // namespace

u32 weight_of_nice(int nice) {
    ASSERT(nice >= -20 && nice <= 19);
    return kWeights[nice + 20];
}

void RunQueue::update_curr() {
    Task& task = *current;
    if (&task == idle) return;
    const u64 now = time::now_ns();
    const u64 delta = now - task.se.exec_start;
    if (i64(delta) <= 0) return;
    task.se.exec_start = now;
    task.se.sum_exec_runtime += delta;
    task.se.vruntime += to_virtual(delta, task.se.weight);
    update_min_vruntime();
}

void RunQueue::update_min_vruntime() {
    u64 least = min_vruntime;
    const Task* first = tree.first();
    if (current != idle && current->on_rq) {
        least = current->se.vruntime;
        if (first != nullptr && i64(first->se.vruntime - least) < 0) least = first->se.vruntime;
    } else if (first != nullptr) {
        least = first->se.vruntime;
    }
    if (i64(least - min_vruntime) > 0) min_vruntime = least;
}

/// The time within which every ready task should run once, divided by weight.
u64 RunQueue::slice_of(const Task& task) const {
    constexpr u32 kMany = kLatencyNs / kMinGranularityNs;
    const u64 period = nr_running > kMany ? nr_running * kMinGranularityNs : kLatencyNs;
    return load == 0 ? period : period * task.se.weight / load;
}

void RunQueue::place(Task& task, Why why) {
    u64& vruntime = task.se.vruntime;
    switch (why) {
    case kFork:  // behind everybody who is already here
        vruntime = min_vruntime + to_virtual(slice_of(task), task.se.weight);
        break;
    case kForkFirst:  // in the parent's place, which pays for it
        vruntime = current->se.vruntime;
        current->se.vruntime += to_virtual(slice_of(*current), current->se.weight);
        break;
    case kWakeup: {
        // A sleeper is compensated, but by at most half a period, however long it slept.
        const u64 earliest = min_vruntime - kLatencyNs / 2;
        if (i64(vruntime - earliest) < 0) vruntime = earliest;
        break;
    }
    case kMigrate:  // was made relative to the old queue's minimum
        vruntime += min_vruntime;
        break;
    case kRequeue: break;
    }
}

void RunQueue::enqueue(Task& task, Why why) {
    ASSERT(!task.se.in_tree);
    update_curr();
    place(task, why);
    task.on_rq = 1;
    task.se.in_tree = true;
    tree.insert(task);
    nr_running++;
    load += task.se.weight;
}

void RunQueue::dequeue(Task& task) {
    ASSERT(task.se.in_tree);
    tree.erase(task);
    task.se.in_tree = false;
    task.on_rq = 0;
    nr_running--;
    load -= task.se.weight;
    update_min_vruntime();
}

Task* RunQueue::pick_next() {
    Task* task = tree.first();
    if (task == nullptr) return nullptr;
    tree.erase(*task);
    task->se.in_tree = false;
    task->se.exec_start = time::now_ns();
    task->se.prev_sum_exec_runtime = task->se.sum_exec_runtime;
    return task;
}

void RunQueue::put_prev(Task& task) {
    if (&task == idle) return;
    tree.insert(task);
    task.se.in_tree = true;
}

void RunQueue::deactivate_current(Task& task) {
    ASSERT(&task == current && !task.se.in_tree);
    task.on_rq = 0;
    nr_running--;
    load -= task.se.weight;
}

bool RunQueue::slice_is_over() {
    if (current == idle) return nr_running > 0;
    if (nr_running < 2) return false;
    const u64 ran = current->se.sum_exec_runtime - current->se.prev_sum_exec_runtime;
    const u64 slice = slice_of(*current);
    if (ran > slice) return true;
    if (ran < kMinGranularityNs) return false;
    const Task* first = tree.first();
    return first != nullptr && i64(current->se.vruntime - first->se.vruntime) > i64(slice);
}

bool RunQueue::should_preempt(const Task& woken) {
    if (current == idle) return true;
    const i64 lead = i64(current->se.vruntime - woken.se.vruntime);
    return lead > i64(to_virtual(kWakeupGranularityNs, woken.se.weight));
}

}  // namespace sched
