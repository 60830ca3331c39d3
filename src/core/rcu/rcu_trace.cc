#include "core/rcu/rcu_trace.h"

#include "lib/string.h"

namespace rcu {

constexpr trace::Field RcuGracePeriod::kFields[] = {
    TRACE_FIELD(RcuGracePeriod, rcuname),
    TRACE_FIELD(RcuGracePeriod, gp_seq),
    TRACE_FIELD(RcuGracePeriod, gpevent),
};
TRACE_POINT(RcuGracePeriod);

constexpr trace::Field RcuCallback::kFields[] = {
    TRACE_FIELD(RcuCallback, rcuname),
    TRACE_FIELD_HEX(RcuCallback, rhp),
    TRACE_FIELD_HEX(RcuCallback, func),
    TRACE_FIELD(RcuCallback, qlen),
};
TRACE_POINT(RcuCallback);

constexpr trace::Field RcuInvokeCallback::kFields[] = {
    TRACE_FIELD(RcuInvokeCallback, rcuname),
    TRACE_FIELD_HEX(RcuInvokeCallback, rhp),
    TRACE_FIELD_HEX(RcuInvokeCallback, func),
};
TRACE_POINT(RcuInvokeCallback);

namespace {

u64 address_of(const RcuHead& head) { return reinterpret_cast<u64>(&head); }

}  // namespace

void trace_grace_period(u64 sequence, const char* what) {
    if (!trace::is_enabled<RcuGracePeriod>()) [[likely]] {
        return;
    }
    RcuGracePeriod record{.rcuname = "rcu_sched", .gp_seq = sequence, .gpevent = {}};
    copy_string(record.gpevent, {what, strlen(what)});
    trace::point(record);
}

void trace_callback(const RcuHead& head, u64 length) {
    if (!trace::is_enabled<RcuCallback>()) [[likely]] {
        return;
    }
    trace::point(RcuCallback{.rcuname = "rcu_sched",
                             .rhp = address_of(head),
                             .func = reinterpret_cast<u64>(head.function),
                             .qlen = length});
}

void trace_invoke(const RcuHead& head) {
    if (!trace::is_enabled<RcuInvokeCallback>()) [[likely]] {
        return;
    }
    trace::point(RcuInvokeCallback{.rcuname = "rcu_sched",
                                   .rhp = address_of(head),
                                   .func = reinterpret_cast<u64>(head.function)});
}

}  // namespace rcu
