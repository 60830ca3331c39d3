// Timers on the real wheels: results of starting and stopping, contexts, other processors.

#include "core/time/timer.h"

#include "core/time/jiffies.h"
#include "core/time/tick/tick.h"
#include "core/time/wheel/timer_base.h"
#include "lib/test.h"

namespace time {

namespace {

struct Noting {
    explicit Noting(u8 flags = 0) : timer(expired, flags) {}
    ~Noting() { timer.del_sync(); }

    static void expired(Timer& timer) {
        auto& self = reinterpret_cast<Noting&>(timer);  // its first member
        self.cpu = cpu_id();
        self.irqs_on = arch::irqs_on();
        self.context = arch::this_cpu_read(preempt_count);
        self.try_inside = timer.try_to_del_sync();
        self.at = jiffies();
        const u64 times = ++self.times;
        if (times < self.wanted) timer.mod(self.at + 1);
        while (self.hold) arch::cpu_relax();
    }
    Timer timer;
    std::atomic<u64> times{0};
    std::atomic<bool> hold{false};
    u64 wanted = 1, at = 0;
    u32 context = 0;
    unsigned cpu = ~0u;
    bool irqs_on = false;
    CancelResult try_inside = CancelResult::Inactive;
};

bool wait_for(const Noting& noting, u64 times = 1) {
    const u64 end = now_ns() + 5 * kNsPerSec;
    while (noting.times < times && now_ns() < end) arch::cpu_relax();
    return noting.times >= times;
}

void wait_ns(u64 ns) {
    const u64 end = now_ns() + ns;
    while (now_ns() < end) arch::cpu_relax();
}

/// Another processor, or this one if it is the only one.
unsigned other_cpu() {
    unsigned other = cpu_id();
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        if (cpu != cpu_id()) other = cpu;
    });
    return other;
}

}  // namespace

TEST(timers_go_off_once, "core.time.timer.once") {
    Noting timer;
    const u64 expires = jiffies() + 2;
    EXPECT(!timer.timer.mod(expires));
    EXPECT(timer.timer.is_pending());
    REQUIRE(wait_for(timer));
    EXPECT(time_after(timer.at, expires));
    EXPECT(time_before(timer.at, expires + kHz));
    EXPECT((timer.context & kSoftirqMask) != 0 && timer.irqs_on);
    EXPECT(timer.try_inside == CancelResult::CallbackRuns);
    wait_ns(3 * kTickNs);
    EXPECT_EQ(timer.times.load(), 1);
    EXPECT(!timer.timer.is_pending());
    EXPECT(!timer.timer.del_sync());
}

TEST(timers_can_be_stopped, "core.time.timer.del") {
    Noting timer;
    EXPECT(!timer.timer.del());
    timer.timer.add(jiffies() + 2);
    EXPECT(timer.timer.del());
    EXPECT(!timer.timer.del());
    timer.timer.add(jiffies() + 1000);
    EXPECT(timer.timer.mod(jiffies() + 2000));
    EXPECT(timer.timer.del_sync());
    EXPECT(timer.timer.try_to_del_sync() == CancelResult::Inactive);
    wait_ns(5 * kTickNs);
    EXPECT_EQ(timer.times.load(), 0);
}

TEST(timers_can_be_moved, "core.time.timer.mod") {
    Noting timer;
    EXPECT(!timer.timer.mod_pending(jiffies() + 1));  // was not
    EXPECT(!timer.timer.is_pending());
    timer.timer.add(jiffies() + 1000 * kHz);
    EXPECT(timer.timer.reduce(jiffies() + 2000 * kHz));  // later: stays
    EXPECT(time_before(timer.timer.expires(), jiffies() + 1001 * kHz));
    EXPECT(timer.timer.reduce(jiffies() + 1));
    REQUIRE(wait_for(timer));
    EXPECT_EQ(timer.times.load(), 1);
}

TEST(timers_restart_themselves, "core.time.timer.restart") {
    Noting timer;
    timer.wanted = 5;
    const u64 start = jiffies();
    timer.timer.add(start);
    REQUIRE(wait_for(timer, 5));
    EXPECT(time_after_eq(timer.at, start + 5));
}

TEST(irqsafe_timers_have_no_irqs, "core.time.timer.irqsafe") {
    Noting timer(Timer::kIrqSafe);
    timer.timer.add(jiffies());
    REQUIRE(wait_for(timer));
    EXPECT(!timer.irqs_on);
    EXPECT((timer.context & kSoftirqMask) != 0);
}

TEST(del_sync_waits, "core.time.timer.del_sync") {
    PreemptGuard stay;
    const unsigned other = other_cpu();
    if (other == cpu_id()) return;
    Noting timer;
    timer.hold = true;
    timer.timer.add_on(jiffies(), other);
    REQUIRE(wait_for(timer));
    EXPECT_EQ(timer.cpu, other);
    EXPECT(timer.timer.try_to_del_sync() == CancelResult::CallbackRuns);
    EXPECT(!timer.timer.del());  // does not wait
    timer.hold = false;
    EXPECT(!timer.timer.del_sync());
    EXPECT(timer.timer.try_to_del_sync() == CancelResult::Inactive);
}

/// A sleeping processor wakes up for a timer that another one gives it, but not for a deferrable
/// one; that goes off when it wakes up for something else.
TEST(deferrable_timers_wake_nobody, "core.time.timer.deferrable") {
    PreemptGuard stay;
    const unsigned other = other_cpu();
    if (other == cpu_id() || !tick_options.nohz) return;
    Noting patient(Timer::kDeferrable), normal;
    const u64 end = now_ns() + 2 * kNsPerSec;
    while (!tick_sched(other).stopped && now_ns() < end) arch::cpu_relax();
    patient.timer.add_on(jiffies() + 1, other);
    wait_ns(10 * kTickNs);
    const u64 early = patient.times;
    normal.timer.add_on(jiffies() + 1, other);
    REQUIRE(wait_for(normal));
    REQUIRE(wait_for(patient));
    EXPECT_EQ(normal.cpu, other);
    // Whatever else woke that processor may have taken it along.
    EXPECT(early <= 1);
}

}  // namespace time
