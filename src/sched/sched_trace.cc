#include "sched/sched_trace.h"

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

constexpr trace::Field SchedWaking::kFields[] = {
    TRACE_FIELD(SchedWaking, comm),
    TRACE_FIELD(SchedWaking, pid),
    TRACE_FIELD(SchedWaking, prio),
    TRACE_FIELD(SchedWaking, target_cpu),
};
TRACE_POINT(SchedWaking);

constexpr trace::Field SchedWakeupNew::kFields[] = {
    TRACE_FIELD(SchedWakeupNew, comm),
    TRACE_FIELD(SchedWakeupNew, pid),
    TRACE_FIELD(SchedWakeupNew, prio),
    TRACE_FIELD(SchedWakeupNew, target_cpu),
};
TRACE_POINT(SchedWakeupNew);

constexpr trace::Field SchedMigrateTask::kFields[] = {
    TRACE_FIELD(SchedMigrateTask, comm),     TRACE_FIELD(SchedMigrateTask, pid),
    TRACE_FIELD(SchedMigrateTask, prio),     TRACE_FIELD(SchedMigrateTask, orig_cpu),
    TRACE_FIELD(SchedMigrateTask, dest_cpu),
};
TRACE_POINT(SchedMigrateTask);

constexpr trace::Field SchedStatRuntime::kFields[] = {
    TRACE_FIELD(SchedStatRuntime, comm),
    TRACE_FIELD(SchedStatRuntime, pid),
    TRACE_FIELD(SchedStatRuntime, runtime),
    TRACE_FIELD(SchedStatRuntime, vruntime),
};
TRACE_POINT(SchedStatRuntime);

constexpr trace::Field SchedStatWait::kFields[] = {
    TRACE_FIELD(SchedStatWait, comm),
    TRACE_FIELD(SchedStatWait, pid),
    TRACE_FIELD(SchedStatWait, delay),
};
TRACE_POINT(SchedStatWait);

constexpr trace::Field SchedPiSetprio::kFields[] = {
    TRACE_FIELD(SchedPiSetprio, comm),
    TRACE_FIELD(SchedPiSetprio, pid),
    TRACE_FIELD(SchedPiSetprio, oldprio),
    TRACE_FIELD(SchedPiSetprio, newprio),
};
TRACE_POINT(SchedPiSetprio);

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

}  // namespace sched
