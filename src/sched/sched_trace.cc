#include "sched/sched_trace.h"

#include "sched/task.h"

namespace sched {

constexpr trace::Field SchedSwitch::kFields[] = {
    TRACE_FIELD(SchedSwitch, prev_comm), TRACE_FIELD(SchedSwitch, prev_pid),
    TRACE_FIELD(SchedSwitch, prev_prio), TRACE_FIELD_HEX(SchedSwitch, prev_state),
    TRACE_FIELD(SchedSwitch, next_comm), TRACE_FIELD(SchedSwitch, next_pid),
    TRACE_FIELD(SchedSwitch, next_prio),
};
TRACE_POINT(SchedSwitch);

constexpr trace::Field SchedWakeup::kFields[] = {
    TRACE_FIELD(SchedWakeup, comm),
    TRACE_FIELD(SchedWakeup, pid),
    TRACE_FIELD(SchedWakeup, prio),
    TRACE_FIELD(SchedWakeup, target_cpu),
};
TRACE_POINT(SchedWakeup);

namespace {

/// The state as Linux' sched_switch prints it: a bit mask, 0 for R.
u32 traced_state(const Task& task, bool preempted) {
    return preempted ? 0 : task.state.load(std::memory_order_relaxed);
}

}  // namespace

void trace_switch(const Task& from, const Task& to, bool preempted) {
    SchedSwitch record{.prev_comm = {},
                       .prev_pid = from.pid,
                       .prev_prio = from.prio,
                       .prev_state = traced_state(from, preempted),
                       .next_comm = {},
                       .next_pid = to.pid,
                       .next_prio = to.prio};
    memcpy(record.prev_comm, from.comm, sizeof record.prev_comm);
    memcpy(record.next_comm, to.comm, sizeof record.next_comm);
    trace::point(record);
}

void trace_wakeup(const Task& task) {
    SchedWakeup record{.comm = {},
                       .pid = task.pid,
                       .prio = task.prio,
                       .target_cpu = task.cpu.load(std::memory_order_relaxed)};
    memcpy(record.comm, task.comm, sizeof record.comm);
    trace::point(record);
}

}  // namespace sched
