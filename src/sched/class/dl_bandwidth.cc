// Admission to the deadline class: the sum of what tasks have been promised never exceeds what
// real-time tasks may use at all, on all processors together. Linux: kernel/sched/deadline.c
// (sched_dl_overflow).

#include "core/percpu/percpu.h"
#include "sched/class/dl_rq.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr unsigned kShift = 20;
constinit std::atomic<u64> promised{0};

u64 available() {
    const i64 runtime = tunables.rt_runtime_ns.load(std::memory_order_relaxed);
    const u64 period = tunable(tunables.rt_period_ns);
    const u64 share = runtime < 0 ? u64{1} << kShift : (u64(runtime) << kShift) / period;
    return share * online_cpus.count();
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

void dl_release(u64 bandwidth) { promised.fetch_sub(bandwidth); }

}  // namespace sched
