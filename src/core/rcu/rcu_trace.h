/// Trace points of RCU; Linux' rcu events.
#pragma once

#include "core/rcu/rcu.h"
#include "core/trace/trace.h"

namespace rcu {

/// What becomes of a grace period. `gpevent`: "start" and "end"; "cpuqs", this processor has
/// answered; "dti", another one was found idle; "fqsstart", those that have not answered are looked
/// at.
struct RcuGracePeriod {
    static constexpr const char* kSystem = "rcu";
    static constexpr const char* kName = "rcu_grace_period";
    static const trace::Field kFields[3];
    static trace::Event event;
    char rcuname[16];
    u64 gp_seq;
    char gpevent[16];
};

/// call_rcu(): a callback comes.
struct RcuCallback {
    static constexpr const char* kSystem = "rcu";
    static constexpr const char* kName = "rcu_callback";
    static const trace::Field kFields[4];
    static trace::Event event;
    char rcuname[16];
    u64 rhp;
    u64 func;
    u64 qlen;
};

/// It is called.
struct RcuInvokeCallback {
    static constexpr const char* kSystem = "rcu";
    static constexpr const char* kName = "rcu_invoke_callback";
    static const trace::Field kFields[3];
    static trace::Event event;
    char rcuname[16];
    u64 rhp;
    u64 func;
};

void trace_grace_period(u64 sequence, const char* what);
void trace_callback(const RcuHead& head, u64 length);
void trace_invoke(const RcuHead& head);

}  // namespace rcu
