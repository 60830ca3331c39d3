/// Trace points of the scheduler; Linux' sched events.
#pragma once

#include "core/trace/trace.h"
#include "lib/string.h"

namespace sched {

struct Task;

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

/// One record each; call only while is_enabled<>(). Run queue or wake_lock held.
void trace_switch(const Task& from, const Task& to, bool preempted);
void trace_wakeup(const Task& task);

}  // namespace sched
