// HrTimers expire in order, not before their time, and not after they were cancelled.

#include "core/time/hrtimer.h"

#include "core/percpu/preempt.h"
#include "core/time/clock.h"
#include "core/time/hrtimer_base.h"
#include "lib/test.h"

namespace time {

namespace {

constexpr unsigned kTimers = 5;

/// A timer that notes when it went off, and as which.
struct Noting {
    explicit Noting(ClockBase clock = ClockBase::Monotonic, Expiry expiry = Expiry::Hard)
        : timer(expired, clock, expiry) {}
    ~Noting() { timer.cancel(); }

    static Restart expired(HrTimer& timer) {
        auto& self = reinterpret_cast<Noting&>(timer);  // its first member
        self.at_ns = now_ns();
        self.place = next_place++;
        self.context = arch::this_cpu_read(preempt_count);
        self.cancel_inside = timer.try_to_cancel();
        self.active_inside = timer.is_active();
        self.times++;
        if (self.period_ns == 0 || self.times >= self.wanted) return Restart::No;
        self.overruns += timer.forward_now(self.period_ns) - 1;
        return Restart::Yes;
    }

    HrTimer timer;
    u64 at_ns = 0, period_ns = 0, wanted = 0, overruns = 0;
    std::atomic<u64> times{0};
    unsigned place = ~0u;
    u32 context = 0;
    CancelResult cancel_inside = CancelResult::Inactive;
    bool active_inside = false;
    static inline constinit std::atomic<unsigned> next_place{0};
};

void wait_until(u64 ns) {
    while (now_ns() < ns) {
    }
}

/// Waits, within reason, for a timer to have gone off.
bool wait_for(const Noting& timer, u64 times = 1) {
    const u64 end = now_ns() + 2 * kNsPerSec;
    while (timer.times < times && now_ns() < end) {
    }
    return timer.times >= times;
}

}  // namespace

TEST(timers_expire_in_order, "core.time.hrtimer.order") {
    Noting timers[kTimers];
    Noting::next_place = 0;
    const u64 begin = now_ns() + 2 * kNsPerMs;
    {
        IrqOffGuard all_before_the_first;
        for (unsigned i = 0; i < kTimers; i++) {  // armed in a scrambled order
            const unsigned n = i * 3 % kTimers;
            timers[n].timer.start(begin + n * 100 * kNsPerUs);
        }
    }
    for (unsigned n = 0; n < kTimers; n++) {
        REQUIRE(wait_for(timers[n]));
        EXPECT_EQ(timers[n].place, n);
        EXPECT(timers[n].at_ns >= begin + n * 100 * kNsPerUs);
        EXPECT(!timers[n].timer.is_queued());
    }
}

TEST(cancelled_timers_are_silent, "core.time.hrtimer.cancel") {
    Noting early, late;
    early.timer.start(now_ns() + kNsPerMs);
    late.timer.start(now_ns() + 5 * kNsPerMs);
    EXPECT(late.timer.cancel());
    EXPECT(!late.timer.cancel());
    wait_until(now_ns() + 15 * kNsPerMs);
    EXPECT_EQ(early.times.load(), 1);
    EXPECT_EQ(late.times.load(), 0);
    EXPECT(!early.timer.cancel());
}

TEST(cancel_has_three_results, "core.time.hrtimer.cancel_results") {
    Noting timer;
    EXPECT(timer.timer.try_to_cancel() == CancelResult::Inactive);
    timer.timer.start(now_ns() + 1000 * kNsPerSec);
    EXPECT(timer.timer.is_active());
    EXPECT(timer.timer.try_to_cancel() == CancelResult::Cancelled);
    EXPECT(timer.timer.try_to_cancel() == CancelResult::Inactive);
    timer.timer.start(now_ns());
    REQUIRE(wait_for(timer));
    EXPECT(timer.cancel_inside == CancelResult::CallbackRuns);
    EXPECT(timer.active_inside);
    timer.timer.cancel();
    EXPECT(!timer.timer.is_active());
    EXPECT(timer.timer.try_to_cancel() == CancelResult::Inactive);
}

TEST(timers_can_move, "core.time.hrtimer.move") {
    Noting timer;
    timer.timer.start(now_ns() + 1000 * kNsPerSec);
    const u64 due = now_ns() + 2 * kNsPerMs;
    timer.timer.start(due);
    REQUIRE(wait_for(timer));
    EXPECT(timer.at_ns >= due);
}

TEST(timers_can_be_relative, "core.time.hrtimer.relative") {
    for (unsigned clock = 0; clock < kClockBases; clock++) {
        Noting timer(static_cast<ClockBase>(clock));
        const u64 before = now_ns();
        timer.timer.start(kNsPerMs, TimerMode::Relative);
        EXPECT(timer.timer.remaining_ns() <= kNsPerMs);
        REQUIRE(wait_for(timer));
        EXPECT(timer.at_ns >= before + kNsPerMs);
    }
    Noting never;  // no overflow into the past
    never.timer.start(~u64{0}, TimerMode::Relative, ~u64{0});
    EXPECT_EQ(never.timer.expires_ns(), kTimeMax);
    never.timer.start(~u64{0});
    wait_until(now_ns() + 2 * kNsPerMs);
    EXPECT_EQ(never.times.load(), 0);
}

TEST(forward_counts_intervals, "core.time.hrtimer.forward") {
    HrTimer timer{Noting::expired};
    timer.set_expires(1000, 50);
    EXPECT_EQ(timer.forward(999, 10), 0);
    EXPECT_EQ(timer.soft_expires_ns(), 1000);
    EXPECT_EQ(timer.forward(1050, 100), 1);  // it had until 1050
    EXPECT_EQ(timer.soft_expires_ns(), 1100);
    EXPECT_EQ(timer.expires_ns(), 1150);
    EXPECT_EQ(timer.forward(1550, 100), 5);
    EXPECT_EQ(timer.expires_ns(), 1650);
    EXPECT_EQ(timer.forward(u64{1} << 60, 1), (u64{1} << 60) - 1650 + 1);
    EXPECT_EQ(timer.forward(kTimeMax, 0), kTimeMax - (u64{1} << 60));
}

TEST(timers_restart, "core.time.hrtimer.restart") {
    Noting timer;
    timer.period_ns = 200 * kNsPerUs;
    timer.wanted = 20;
    const u64 start = now_ns();
    timer.timer.start(start + timer.period_ns);
    REQUIRE(wait_for(timer, 20));
    timer.timer.cancel();
    EXPECT(timer.at_ns >= start + (20 + timer.overruns) * timer.period_ns);
    EXPECT(timer.at_ns < start + (22 + timer.overruns) * timer.period_ns + kNsPerSec);
    EXPECT_EQ(timer.times.load(), 20);
}

TEST(soft_timers_run_in_softirq, "core.time.hrtimer.soft") {
    Noting hard, soft(ClockBase::Monotonic, Expiry::Soft);
    const u64 due = now_ns() + kNsPerMs;
    soft.timer.start(due);
    hard.timer.start(due);
    REQUIRE(wait_for(hard) && wait_for(soft));
    EXPECT(soft.at_ns >= due);
    EXPECT((hard.context & kHardirqMask) != 0);
    soft.timer.start(1000 * kNsPerSec, TimerMode::Relative);
    EXPECT(soft.timer.try_to_cancel() == CancelResult::Cancelled);
}

TEST(slack_joins_expiries, "core.time.hrtimer.slack") {
    PreemptGuard stay;
    Noting early, late;
    const u64 begin = now_ns();
    early.timer.start(begin + kNsPerMs, TimerMode::Absolute, 3 * kNsPerMs);
    late.timer.start(begin + 3 * kNsPerMs);
    EXPECT_EQ(early.timer.expires_ns() - early.timer.soft_expires_ns(), 3 * kNsPerMs);
    REQUIRE(wait_for(early) && wait_for(late));
    EXPECT(early.at_ns >= begin + kNsPerMs);
    EXPECT(late.at_ns >= begin + 3 * kNsPerMs);
}

/// The first timer of this processor goes away: the hardware waits for the second.
TEST(cancel_aims_later, "core.time.hrtimer.reprogram") {
    IrqOffGuard quiet;
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    if (!base.high_resolution) return;
    const u64 before = base.expires_next;
    Noting first;
    const u64 due = before - 10;
    first.timer.start(due);
    EXPECT_EQ(base.expires_next, due);
    first.timer.start(due + 1);  // moved later: no interrupt for nothing
    EXPECT_EQ(base.expires_next, due + 1);
    EXPECT(first.timer.try_to_cancel() == CancelResult::Cancelled);
    EXPECT_EQ(base.expires_next, before);
}

TEST(wall_timers_follow_the_clock, "core.time.hrtimer.clock_set") {
    constexpr u64 kHour = 3600 * kNsPerSec;
    Noting real(ClockBase::Realtime), tai(ClockBase::Tai), mono, distance(ClockBase::Realtime),
        soft(ClockBase::Realtime, Expiry::Soft);
    const u64 wall = realtime_ns();
    real.timer.start(wall + kHour);
    soft.timer.start(wall + kHour);
    tai.timer.start(tai.timer.clock_now_ns() + kHour);
    mono.timer.start(now_ns() + kHour);
    distance.timer.start(kHour, TimerMode::Relative);
    EXPECT(set_realtime_ns(wall + 2 * kHour).ok());
    EXPECT(wait_for(real) && wait_for(tai) && wait_for(soft));
    EXPECT_EQ(mono.times.load(), 0);
    EXPECT_EQ(distance.times.load(), 0);

    // And back: a date that had nearly come is far again.
    real.timer.start(realtime_ns() + 20 * kNsPerMs);
    EXPECT(set_realtime_ns(wall).ok());
    wait_until(now_ns() + 40 * kNsPerMs);
    EXPECT_EQ(real.times.load(), 1);
}

namespace {

/// A callback that takes longer than the time until it is due again.
struct Hog {
    static constexpr u64 kTimes = 7, kSpinNs = 50 * kNsPerUs;

    static Restart expired(HrTimer& timer) {
        auto& self = reinterpret_cast<Hog&>(timer);
        const u64 n = self.times;
        self.begin[n] = now_ns();
        timer.set_expires(self.begin[n] + 1);
        wait_until(self.begin[n] + kSpinNs);
        self.times = n + 1;
        return n + 1 < kTimes ? Restart::Yes : Restart::No;
    }
    HrTimer timer{expired};
    u64 begin[kTimes] = {};
    std::atomic<u64> times{0};
};

}  // namespace

/// After the third round in one interrupt everybody else gets as much time as those three took.
TEST(hogs_do_not_hang_the_machine, "core.time.hrtimer.hang") {
    PreemptGuard stay;
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    if (!base.high_resolution) return;
    const u64 hangs = base.hangs, retries = base.retries;
    Hog hog;
    hog.timer.start(now_ns());
    const u64 end = now_ns() + 2 * kNsPerSec;
    while (hog.times < Hog::kTimes && now_ns() < end) {
    }
    hog.timer.cancel();
    REQUIRE(hog.times == Hog::kTimes);
    EXPECT(base.hangs >= hangs + 2);  // after the third and the sixth time
    EXPECT(base.retries >= retries + 6);
    EXPECT(base.max_hang_ns >= 3 * Hog::kSpinNs);
    EXPECT(hog.begin[3] - hog.begin[2] >= 4 * Hog::kSpinNs);
    EXPECT(hog.begin[6] - hog.begin[5] >= 4 * Hog::kSpinNs);
    EXPECT(!base.hang_detected);
}

TEST(clock_is_monotonic, "core.time.clock.monotonic") {
    u64 last = now_ns();
    for (unsigned i = 0; i < 100'000; i++) {
        const u64 now = now_ns();
        REQUIRE(now >= last);
        last = now;
    }
}

}  // namespace time
