// Who runs beside whom: threads that never sleep, of one class and another, on one processor.
//
// The test's own thread is more urgent than they are, or it would have to wait with them. Bounds
// are wide and each observation has several tries: an emulator that is kept waiting charges whoever
// runs for it, and notices late what it is asked to.

#include "abi/sched.h"
#include "core/log/panic.h"
#include "core/percpu/percpu.h"
#include "lib/scope_guard.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/test_wait.h"
#include "sched/tunables.h"

namespace sched {

namespace {

using time::kNsPerMs;

constexpr u64 kFirstCpu = 1;

constexpr SchedParams fifo(u32 priority) {
    return {.policy = abi::SCHED_FIFO, .rt_priority = priority};
}
constexpr SchedParams rr(u32 priority) {
    return {.policy = abi::SCHED_RR, .rt_priority = priority};
}
constexpr SchedParams fair(u32 policy = abi::SCHED_OTHER) { return {.policy = policy}; }
constexpr SchedParams deadline(u64 runtime_ms, u64 period_ms) {
    return {.policy = abi::SCHED_DEADLINE,
            .dl = {.runtime = runtime_ms * kNsPerMs,
                   .deadline = period_ms * kNsPerMs,
                   .period = period_ms * kNsPerMs}};
}

/// The test's thread is a real-time one as long as this lives.
class Urgent {
public:
    Urgent() { ASSERT(set_scheduler(current(), fifo(90)).ok()); }
    ~Urgent() { (void)set_scheduler(current(), fair()).ok(); }
};

/// A thread that uses the processor until this dies.
class Spinner {
public:
    explicit Spinner(const SchedParams& params, u64 cpus = kFirstCpu) {
        task_ = kthread_run(spin, this, "class_spinner").take();
        task_->ref_count.inc();
        if (params.policy != abi::SCHED_DEADLINE) (void)set_cpus_allowed(*task_, cpus);
        ASSERT(set_scheduler(*task_, params).ok());
    }
    ~Spinner() {
        stop_ = true;
        // It may need help to see that, among more urgent ones.
        set_boost(*task_, prio_of_rt(89));
        while (!ended_) nap(kNsPerMs);
        Ref<Task>::adopt(task_).reset();
    }
    Spinner(const Spinner&) = delete;

    Task& task() { return *task_; }
    u64 ran_ms() const { return task_runtime(*task_) / kNsPerMs; }
    void start_yielding() { yields_ = true; }

private:
    static void spin(void* self) {
        Spinner& me = *static_cast<Spinner*>(self);
        while (!me.stop_.load(std::memory_order_relaxed)) {
            if (me.yields_.load(std::memory_order_relaxed)) yield();
            arch::cpu_relax();
        }
        me.ended_ = true;
    }

    Task* task_;
    std::atomic<bool> stop_{false}, ended_{false}, yields_{false};
};

/// Whether two of them, during one of several naps, run for times of which `holds` is true.
template <class Holds>
bool ran_during(u64 ms, const Spinner& a, const Spinner& b, Holds holds) {
    for (unsigned tries = 0; tries < 10; tries++) {
        const u64 a_before = a.ran_ms(), b_before = b.ran_ms();
        nap(ms * kNsPerMs);
        if (holds(a.ran_ms() - a_before, b.ran_ms() - b_before)) return true;
    }
    return false;
}

/// Only one of them runs at all.
bool starves(const Spinner& poor, const Spinner& rich) {
    return ran_during(60, poor, rich, [](u64 a, u64 b) { return a <= 1 && b >= 20; });
}

/// Both have a good part of the time.
bool share(u64 ms, const Spinner& one, const Spinner& other) {
    return ran_during(ms, one, other, [ms](u64 a, u64 b) { return a >= ms / 5 && b >= ms / 5; });
}

/// Sets a tunable for one test.
template <class T>
class Tuned {
public:
    Tuned(std::atomic<T>& value, T now) : value_(value), before_(value.exchange(now)) {}
    ~Tuned() { value_ = before_; }

private:
    std::atomic<T>& value_;
    const T before_;
};

}  // namespace

TEST(realtime_runs_first, "sched.rt.first") {
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner low(fair()), middle(fifo(10)), high(fifo(11));
    EXPECT(starves(middle, high));
    EXPECT(starves(low, high));
    EXPECT(set_scheduler(high.task(), fifo(9)).ok());  // now the other is first
    EXPECT(starves(high, middle));
}

TEST(fifo_keeps_the_processor, "sched.rt.fifo") {
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner first(fifo(10)), second(fifo(10));
    EXPECT(ran_during(60, first, second, [](u64 a, u64 b) { return (a == 0) != (b == 0); }));
    first.start_yielding();  // only one of them sees it now, and lets the other run
    second.start_yielding();
    EXPECT(share(200, first, second));
}

TEST(round_robin_takes_turns, "sched.rt.rr") {
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    const Tuned<u64> slice(tunables.rr_timeslice_ns, 8 * kNsPerMs);
    Spinner first(rr(10)), second(rr(10));
    EXPECT(share(300, first, second));
    EXPECT_EQ(rr_interval(first.task()), 8 * kNsPerMs);
}

// Without the limit the fair thread would get nothing at all.
TEST(realtime_is_throttled, "sched.rt.throttled") {
    const Urgent urgent;
    const Tuned<u64> period(tunables.rt_period_ns, 100 * kNsPerMs);
    const Tuned<i64> runtime(tunables.rt_runtime_ns, i64(30 * kNsPerMs));
    Spinner hog(fifo(10)), poor(fair());
    EXPECT(ran_during(500, hog, poor, [](u64 a, u64 b) { return a >= 50 && b >= 150; }));
}

TEST(idle_policy_gets_crumbs, "sched.fair.idle_policy") {
    const Urgent urgent;
    Spinner busy(fair()), crumbs(fair(abi::SCHED_IDLE));
    EXPECT(ran_during(300, busy, crumbs, [](u64 a, u64 b) { return a >= 100 && b * 20 <= a; }));
}

TEST(deadline_gets_its_share, "sched.deadline.share") {
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner promised(deadline(10, 40)), hog(fifo(80), online_cpus.bits());
    // 250 ms, and what it ran on until a late emulator looked.
    EXPECT(ran_during(1000, promised, hog, [](u64 a, u64) { return a >= 200 && a <= 300; }));
}

TEST(deadlines_are_admitted, "sched.deadline.admission") {
    const Urgent urgent;
    Task& me = current();
    const ScopeGuard restore([&] { (void)set_scheduler(me, fair()).ok(); });
    // Each is half a processor; with 95 % of each to give away, the last does not fit.
    const unsigned fits = online_cpus.count() * 2 - 1;
    EXPECT(set_scheduler(me, deadline(5, 10)).ok());
    u64 reserved = 1;
    const u64 half = dl_bandwidth(deadline(5, 10).dl);
    while (dl_reserve(half, 0).ok()) reserved++;
    EXPECT_EQ(reserved, u64{fits});
    EXPECT(set_scheduler(me, deadline(96, 100)).error() == EBUSY);
    EXPECT(set_scheduler(me, deadline(4, 10)).ok());  // less is always possible
    EXPECT(set_scheduler(me, deadline(0, 10)).error() == EINVAL);
    EXPECT(set_scheduler(me, deadline(11, 10)).error() == EINVAL);
    for (; reserved > 1; reserved--) dl_release(half);
    EXPECT_EQ(get_scheduler(me).dl.runtime, 4 * kNsPerMs);
}

TEST(boost_lends_a_priority, "sched.policy.boost") {
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner holder(fair()), hog(fifo(20));
    EXPECT(starves(holder, hog));
    set_boost(holder.task(), prio_of_rt(30));
    EXPECT(starves(hog, holder));
    EXPECT_EQ(get_scheduler(holder.task()).policy, abi::SCHED_OTHER);
    set_boost(holder.task(), kMaxPrio);
    EXPECT(starves(holder, hog));
    // Its own numbers may change meanwhile, and count only when the loan ends.
    set_boost(holder.task(), prio_of_rt(30));
    EXPECT(set_scheduler(holder.task(), fifo(10)).ok());
    EXPECT(starves(hog, holder));
    set_boost(holder.task(), kMaxPrio);
    EXPECT(starves(holder, hog));
}

// Two that would wait for each other find a processor each.
TEST(realtime_spreads, "sched.rt.spreads") {
    if (!online_cpus.has(1)) return;
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner fair_one(fair(), 2), first(fifo(10)), second(fifo(10));
    (void)set_cpus_allowed(second.task(), 3);
    EXPECT(comes_true([&] { return first.task().cpu != second.task().cpu; }));
    EXPECT(share(200, first, second));
    EXPECT(starves(fair_one, second));
}

// Behind one that may not leave waits one that may.
TEST(realtime_spreads_past_the_pinned, "sched.rt.past_the_pinned") {
    if (!online_cpus.has(1)) return;
    const Urgent urgent;
    const Tuned<i64> unlimited(tunables.rt_runtime_ns, -1);
    Spinner hog(fifo(12)), pinned(fifo(11)), third(fifo(10));
    EXPECT(starves(pinned, hog));
    EXPECT(starves(third, hog));
    (void)set_cpus_allowed(third.task(), 3);
    EXPECT(comes_true([&] { return third.task().cpu == 1; }));
    EXPECT(share(200, hog, third));
    EXPECT(starves(pinned, third));
}

}  // namespace sched
