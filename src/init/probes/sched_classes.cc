// Probe of lab 03-scheduling: a run queue of its own, and orders for it. No part of the running
// scheduler is touched, so the grader may ask before there is one.
//
//   sched_classes   in: orders of 24 bytes: u8 what (Order), u8 task, u16 x, u32 y, u64 z, u64 w
//                   out: for each order what came of it (Outcome, 40 bytes)
//
// The probe does what run_queue.cc does around the classes, and no more: it keeps who runs, on_rq,
// and the sums of run time.

#include <new>

#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "sched/run_queue.h"

namespace probes {
namespace {

using sched::ClassId;
using sched::RunQueue;
using sched::Task;

enum Order : u8 {
    kNew,       // x: policy, y: nice + 20 or rt_priority; z: vruntime
    kEnqueue,   // x: Why
    kDequeue,   // while it waits
    kPick,      // the outcome's result: who; kNobody if nobody is ready
    kPut,       // the running task waits again
    kSleep,     // the running task is not ready any more
    kRun,       // z: it runs for so many ns; w: what the clock shows then
    kTick,      // result: whether another should run
    kPreempts,  // result: whether `task`, which waits, should run at once
    kYield,
    kMigrate,   // from a queue with min_vruntime z to one with w
    kSetMin,    // z: min_vruntime
    kSlice,     // result: rr_interval
    kThrottle,  // x: whether real-time tasks have had their share; w: the clock
    kOrders
};
constexpr u64 kNobody = ~u64{0};
constexpr u32 kMaxTasks = 16;

struct Outcome {
    u64 result = 0;
    u64 vruntime = 0;  // of the task that the order is about; of the running one for kRun … kTick
    u64 min_vruntime = 0;
    u64 load = 0;
    u32 nr_running = 0;  // of all classes
    u32 nr_waiting = 0;  // fair tasks that the timeline walks over, forwards and backwards alike
};
static_assert(sizeof(Outcome) == 40);

struct Request {
    u8 what = 0, task = 0;
    u16 x = 0;
    u32 y = 0;
    u64 z = 0, w = 0;
};

/// Raw memory for objects that are made, and not destroyed: a task that waits must not be.
struct Room {
    alignas(Task) std::byte tasks[kMaxTasks][sizeof(Task)];
    alignas(Task) std::byte idle[sizeof(Task)];
    alignas(RunQueue) std::byte queues[3][sizeof(RunQueue)];
};

class Bench {
public:
    explicit Bench(Room& room) : room_(room) {
        for (auto& memory : room.tasks) new (memory) Task;
        idle_ = new (room.idle) Task;
        idle_->sched_class = ClassId::Idle;
        idle_->prio = sched::kIdlePrio;
        for (auto& memory : room.queues) new (memory) RunQueue;
        rq().idle = rq().current = idle_;
    }

    bool is_possible(const Request& request) const {
        if (request.what >= kOrders || request.task >= kMaxTasks) return false;
        const Task& task = at(request.task);
        const bool runs = rq().current != idle_;
        switch (request.what) {
        case kNew: return !task.on_rq && request.y < 100 && request.x <= 5 && request.x != 4;
        case kEnqueue: return !task.on_rq && request.x <= u16(sched::Why::Switch);
        case kDequeue:
        case kPreempts: return task.waits;
        case kPick: return !runs;
        case kPut:
        case kSleep:
        case kTick:
        case kYield:
        case kRun: return runs;
        case kMigrate: return !task.on_rq;
        default: return true;
        }
    }

    Outcome obey(const Request& request) {
        Task& task = at(request.task);
        subject_ = &task;
        const u64 result = do_it(request, task);
        return {.result = result,
                .vruntime = subject_->se.vruntime,
                .min_vruntime = rq().cfs.min_vruntime,
                .load = rq().cfs.load,
                .nr_running = rq().nr_running,
                .nr_waiting = count_waiting()};
    }

private:
    RunQueue& rq(unsigned i = 0) const { return *reinterpret_cast<RunQueue*>(room_.queues[i]); }
    Task& at(unsigned i) const { return *reinterpret_cast<Task*>(room_.tasks[i]); }
    Task& running() {
        subject_ = rq().current;
        return *subject_;
    }

    static const sched::SchedClass& class_of(const Task& task) {
        return task.sched_class == ClassId::Fair ? sched::fair_class : sched::rt_class;
    }

    void make(const Request& request, Task& task) {
        const bool is_rt = request.x == 1 || request.x == 2;
        task.policy = request.x;
        task.sched_class = is_rt ? ClassId::RealTime : ClassId::Fair;
        task.nice = is_rt ? 0 : i32(request.y % 40) - 20;
        task.prio = is_rt ? sched::prio_of_rt(request.y) : sched::prio_of_nice(task.nice);
        task.se.weight = sched::weight_of(is_rt ? 0 : request.x, task.nice);
        task.se.vruntime = request.z;
        task.rt.slice_used_ns = 0;
        task.rt.to_the_back = false;
    }

    u64 pick() {
        Task* task = sched::rt_class.pick_next(rq());
        if (task == nullptr) task = sched::fair_class.pick_next(rq());
        if (task == nullptr) return kNobody;
        task->waits = false;
        task->se.prev_sum_exec_runtime = task->se.sum_exec_runtime;
        rq().current = subject_ = task;
        return index_of(*task);
    }
    u64 index_of(const Task& task) const {
        for (u32 i = 0; i < kMaxTasks; i++) {
            if (&task == &at(i)) return i;
        }
        return kNobody - 1;  // something that is no task
    }

    u64 leave(bool stays_ready) {
        Task& task = running();
        if (stays_ready) {
            class_of(task).put_prev(rq(), task);
            task.waits = true;
        } else {
            class_of(task).deactivate(rq(), task);
            task.on_rq = 0;
        }
        rq().current = idle_;
        return 0;
    }
    u64 enter(Task& task, sched::Why why) {
        class_of(task).enqueue(rq(), task, why);
        task.on_rq = 1;
        task.waits = true;
        return 0;
    }
    u64 dequeue(Task& task) {
        class_of(task).dequeue(rq(), task);
        task.on_rq = 0;
        task.waits = false;
        return 0;
    }
    u64 run(const Request& request) {
        Task& task = running();
        rq().clock = request.w;
        task.se.sum_exec_runtime += request.z;
        class_of(task).update_curr(rq(), task, request.z);
        return 0;
    }
    u64 migrate(const Request& request, Task& task) {
        rq(1).cfs.min_vruntime = request.z;
        rq(2).cfs.min_vruntime = request.w;
        class_of(task).migrate(rq(1), rq(2), task);
        return 0;
    }
    u64 throttle(const Request& request) {
        rq().clock = rq().rt.period_start_ns = request.w;
        rq().rt.throttled = request.x != 0;
        return 0;
    }

    u64 do_it(const Request& request, Task& task) {
        switch (request.what) {
        case kNew: make(request, task); return 0;
        case kEnqueue: return enter(task, static_cast<sched::Why>(request.x));
        case kDequeue: return dequeue(task);
        case kPick: return pick();
        case kPut: return leave(true);
        case kSleep: return leave(false);
        case kRun: return run(request);
        case kTick: return class_of(running()).task_tick(rq(), running());
        case kPreempts: return should_preempt(task);
        case kYield: class_of(running()).yield(rq(), running()); return 0;
        case kMigrate: return migrate(request, task);
        case kSetMin: rq().cfs.min_vruntime = request.z; return 0;
        case kSlice: return class_of(task).rr_interval(rq(), task);
        default: return throttle(request);
        }
    }
    u64 should_preempt(const Task& woken) {
        const Task& current = *rq().current;
        if (woken.sched_class != current.sched_class) {
            return woken.sched_class < current.sched_class;
        }
        return class_of(woken).preempts(rq(), woken);
    }

    /// ~0 if the two directions differ.
    u32 count_waiting() const {
        const sched::Timeline& tree = rq().cfs.tree;
        u32 forwards = 0, backwards = 0;
        for (Task* t = tree.first(); t && forwards <= kMaxTasks; t = tree.next(*t)) forwards++;
        for (Task* t = tree.last(); t && backwards <= kMaxTasks; t = tree.prev(*t)) backwards++;
        return forwards == backwards ? forwards : ~u32{0};
    }

    Room& room_;
    Task* idle_ = nullptr;
    Task* subject_ = nullptr;
};

Result<usize> run_classes(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* room = scratch<Room>(out);
    if (room == nullptr) return EINVAL;
    Bench bench(*room);
    ByteReader input(in);
    ByteWriter answer(out);
    while (input.left() > 0) {
        const auto request = input.take<Request>();
        if (!input.ok() || !bench.is_possible(request)) return EINVAL;
        answer.put(bench.obey(request));
    }
    return answer.result();
}

PROBE(classes) = {.name = "sched_classes", .run = run_classes};

}  // namespace
}  // namespace probes
