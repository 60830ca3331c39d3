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

}  // namespace sched
