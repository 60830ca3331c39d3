/// Trace points of the work queues; Linux' workqueue events.
#pragma once

#include "core/trace/trace.h"
#include "sched/workqueue/workqueue.h"

namespace sched {

struct WorkqueueQueueWork {
    static constexpr const char* kSystem = "workqueue";
    static constexpr const char* kName = "workqueue_queue_work";
    static const trace::Field kFields[5];
    static trace::Event event;
    u64 work;
    u64 function;
    char workqueue[24];
    i32 req_cpu;  // -1: whichever
    i32 cpu;      // -1: unbound
};

struct WorkqueueActivateWork {
    static constexpr const char* kSystem = "workqueue";
    static constexpr const char* kName = "workqueue_activate_work";
    static const trace::Field kFields[1];
    static trace::Event event;
    u64 work;
};

struct WorkqueueExecuteStart {
    static constexpr const char* kSystem = "workqueue";
    static constexpr const char* kName = "workqueue_execute_start";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 work;
    u64 function;
};

struct WorkqueueExecuteEnd {
    static constexpr const char* kSystem = "workqueue";
    static constexpr const char* kName = "workqueue_execute_end";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 work;
    u64 function;
};

/// `name`: the work queue's; the processors may be kAnyCpu.
void trace_queue_work(const Work& work, const char* name, unsigned wanted_cpu, unsigned cpu);

}  // namespace sched
