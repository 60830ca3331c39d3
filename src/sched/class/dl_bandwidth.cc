// Admission to the deadline class: the sum of what tasks have been promised never exceeds what
// real-time tasks may use at all, on all processors together. Linux: kernel/sched/deadline.c
// (sched_dl_overflow).

#include "core/percpu/percpu.h"
#include "sched/class/dl_rq.h"
#include "sched/policy.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr unsigned kShift = 20;
constinit std::atomic<u64> promised{0};

u64 available(u64 period, i64 runtime) {
    const u64 share = runtime < 0 ? u64{1} << kShift : (u64(runtime) << kShift) / period;
    return share * online_cpus.count();
}

u64 available() {
    return available(tunable(tunables.rt_period_ns),
                     tunables.rt_runtime_ns.load(std::memory_order_relaxed));
}

}  // namespace

u64 dl_bandwidth(const DlParams& params) { return (params.runtime << kShift) / params.period; }

Result<void> dl_reserve(u64 bandwidth, u64 old) {
    u64 sum = promised.load(std::memory_order_relaxed);
    do {
        if (bandwidth > old && sum - old + bandwidth > available()) return EBUSY;
    } while (!promised.compare_exchange_weak(sum, sum - old + bandwidth));
    return {};
}

Result<void> set_rt_bandwidth(u64 period_ns, i64 runtime_ns) {
    if (period_ns == 0 || (runtime_ns > 0 && u64(runtime_ns) > period_ns)) return EINVAL;
    if (promised.load() > available(period_ns, runtime_ns)) return EBUSY;
    tunables.rt_period_ns = period_ns;
    tunables.rt_runtime_ns = runtime_ns;
    return {};
}

void dl_release(u64 bandwidth) { promised.fetch_sub(bandwidth); }

}  // namespace sched
