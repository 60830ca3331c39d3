/// Trace points of the scheduler; Linux' sched events.
#pragma once

#include "core/trace/trace.h"
#include "lib/string.h"
#include "sched/task.h"

namespace sched {

struct SchedSwitch {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_switch";
    static const trace::Field kFields[7];
    static trace::Event event;
    char prev_comm[16];
    i32 prev_pid;
    i32 prev_prio;
    u32 prev_state;
    char next_comm[16];
    i32 next_pid;
    i32 next_prio;
};

struct SchedWakeup {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_wakeup";
    static const trace::Field kFields[4];
    static trace::Event event;
    char comm[16];
    i32 pid;
    i32 prio;
    u32 target_cpu;
};

/// Somebody wants to wake `comm`; told by the waker, before it has chosen a processor.
struct SchedWaking {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_waking";
    static const trace::Field kFields[4];
    static trace::Event event;
    char comm[16];
    i32 pid;
    i32 prio;
    u32 target_cpu;  // the one it was last on
};

/// The first time that a new task becomes ready.
struct SchedWakeupNew {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_wakeup_new";
    static const trace::Field kFields[4];
    static trace::Event event;
    char comm[16];
    i32 pid;
    i32 prio;
    u32 target_cpu;
};

/// A task goes to another processor's queue.
struct SchedMigrateTask {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_migrate_task";
    static const trace::Field kFields[5];
    static trace::Event event;
    char comm[16];
    i32 pid;
    i32 prio;
    i32 orig_cpu;
    i32 dest_cpu;
};

/// The running fair task is charged.
struct SchedStatRuntime {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_stat_runtime";
    static const trace::Field kFields[4];
    static trace::Event event;
    char comm[16];
    i32 pid;
    u32 padding = 0;
    u64 runtime;   // ns, since the last record
    u64 vruntime;  // with that
};

/// A task gets a processor.
struct SchedStatWait {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_stat_wait";
    static const trace::Field kFields[3];
    static trace::Event event;
    char comm[16];
    i32 pid;
    u32 padding = 0;
    u64 delay;  // ns, since it became ready or was preempted
};

/// The owner of a lock gets the priority of who waits for it, or its own back.
struct SchedPiSetprio {
    static constexpr const char* kSystem = "sched";
    static constexpr const char* kName = "sched_pi_setprio";
    static const trace::Field kFields[4];
    static trace::Event event;
    char comm[16];
    i32 pid;
    i32 oldprio;
    i32 newprio;
};

/// Records an event about a task that has its `comm` and `pid`; the rest is in `record`. Behind
/// the question whether the event is on.
template <trace::Record R>
void trace_task(const Task& task, R record) {
    memcpy(record.comm, task.comm, sizeof record.comm);
    record.pid = task.pid;
    trace::point(record);
}

/// A record of a switch; behind the question whether the event is on. Run queue locked.
void trace_switch(const Task& from, const Task& to, bool preempted);

/// One of the three events of waking up, if it is on. `task` is being woken.
template <trace::Record R>
void trace_wakeup(const Task& task) {
    if (!trace::is_enabled<R>()) [[likely]] {
        return;
    }
    const u32 cpu = task.cpu.load(std::memory_order_relaxed);
    trace_task(task, R{.comm = {}, .pid = 0, .prio = task.prio, .target_cpu = cpu});
}

}  // namespace sched
