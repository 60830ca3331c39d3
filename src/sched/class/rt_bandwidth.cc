// Real-time throttling: a real-time task that never sleeps must not lock the administrator out.
//
// In each period (1 s) real-time tasks have 95 % of a processor. When they have used that up, and
// fair tasks wait, these run until the period ends. With nobody else to run, or with
// sched_rt_runtime_us at -1, nothing is held back. Linux: kernel/sched/rt.c, whose newer versions
// give the fair class a deadline server to the same end.

#include "core/log/printk.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace sched {

namespace {

/// A new period begins if the old one is over.
void begin_period(RtRq& rt, u64 now) {
    if (now - rt.period_start_ns < tunable(tunables.rt_period_ns)) return;
    rt.period_start_ns = now;
    rt.ran_ns = 0;
    rt.throttled = false;
}

/// Once is enough for the log.
void tell() {
    static constinit std::atomic<bool> told{false};
    if (!told.exchange(true)) printk("sched: RT throttling activated");
}

}  // namespace

bool rt_charge(RunQueue& rq, u64 now, u64 delta) {
    const i64 runtime = tunables.rt_runtime_ns.load(std::memory_order_relaxed);
    if (runtime < 0) return false;
    begin_period(rq.rt, now);
    rq.rt.ran_ns += delta;
    if (rq.rt.throttled || rq.rt.ran_ns <= u64(runtime)) return false;
    rq.rt.throttled = true;
    if (rq.cfs.nr_running > 0) tell();
    return rq.cfs.nr_running > 0;
}

bool rt_may_run(RunQueue& rq) {
    if (!rq.rt.throttled || tunables.rt_runtime_ns.load(std::memory_order_relaxed) < 0) return true;
    begin_period(rq.rt, rq.clock);
    return !rq.rt.throttled || rq.cfs.nr_running == 0;
}

}  // namespace sched
