#include "sched/workqueue/workqueue_trace.h"

#include "lib/string.h"

namespace sched {

constexpr trace::Field WorkqueueQueueWork::kFields[] = {
    TRACE_FIELD_HEX(WorkqueueQueueWork, work), TRACE_FIELD_HEX(WorkqueueQueueWork, function),
    TRACE_FIELD(WorkqueueQueueWork, workqueue), TRACE_FIELD(WorkqueueQueueWork, req_cpu),
    TRACE_FIELD(WorkqueueQueueWork, cpu)};
constexpr trace::Field WorkqueueActivateWork::kFields[] = {
    TRACE_FIELD_HEX(WorkqueueActivateWork, work)};
constexpr trace::Field WorkqueueExecuteStart::kFields[] = {
    TRACE_FIELD_HEX(WorkqueueExecuteStart, work), TRACE_FIELD_HEX(WorkqueueExecuteStart, function)};
constexpr trace::Field WorkqueueExecuteEnd::kFields[] = {
    TRACE_FIELD_HEX(WorkqueueExecuteEnd, work), TRACE_FIELD_HEX(WorkqueueExecuteEnd, function)};
TRACE_POINT(WorkqueueQueueWork);
TRACE_POINT(WorkqueueActivateWork);
TRACE_POINT(WorkqueueExecuteStart);
TRACE_POINT(WorkqueueExecuteEnd);

void trace_queue_work(const Work& work, const char* name, unsigned wanted_cpu, unsigned cpu) {
    if (!trace::is_enabled<WorkqueueQueueWork>()) [[likely]] {
        return;
    }
    WorkqueueQueueWork record{.work = reinterpret_cast<u64>(&work),
                              .function = reinterpret_cast<u64>(work.function),
                              .workqueue = {},
                              .req_cpu = i32(wanted_cpu),
                              .cpu = i32(cpu)};
    copy_string(record.workqueue, {name, strlen(name)});
    trace::point(record);
}

}  // namespace sched
