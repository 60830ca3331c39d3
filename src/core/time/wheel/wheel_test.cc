// The wheel with a clock of its own: no timer early, none lost, none late by more than its level
// allows, and no work that grows with the number of timers.

#include "core/time/jiffies.h"
#include "core/time/wheel/timer_base.h"
#include "lib/test.h"
#include "mm/vmalloc.h"

namespace time {

namespace {

constinit TimerBase wheel;
constinit u64 wheel_now = 0;

struct Noting {
    static void expired(Timer& timer) {
        auto& self = reinterpret_cast<Noting&>(timer);  // its first member
        self.at = wheel_now;
        self.times++;
    }
    Timer timer{expired};
    u64 at = 0;
    u64 started = 0, expires = 0;
    u32 times = 0;
};

void start(Noting& noting, u64 expires) {
    IrqGuard guard(wheel.lock);
    wheel.forward(wheel_now);
    noting.started = wheel_now;
    noting.expires = expires;
    wheel.enqueue(noting.timer, expires, TimerBase::slot_for(expires, wheel.clk));
}

void stop(Noting& noting) {
    IrqGuard guard(wheel.lock);
    wheel.detach(noting.timer);
}

bool is_empty() {
    IrqGuard guard(wheel.lock);
    return wheel.is_empty();
}

u64 next() {
    IrqGuard guard(wheel.lock);
    return wheel.next(wheel_now);
}

/// As far as a timer may be late: a bucket of its level, which is at most an eighth of the way.
u64 allowance(const Noting& noting) { return 1 + (noting.expires - noting.started) / 7; }

bool is_well_timed(const Noting& noting) {
    return noting.times == 1 && time_after(noting.at, noting.expires) &&
           time_before_eq(noting.at, noting.expires + allowance(noting));
}

/// The moments from which the tests start: an ordinary one, and shortly before overflows.
constexpr u64 kStarts[] = {12345, kInitialJiffies, ~u64{0} - 3, (u64{1} << 32) - 70};

}  // namespace

TEST(slots_are_never_early, "core.time.wheel.slots") {
    for (u64 clk : kStarts) {
        for (u64 delta : {u64{0}, u64{1}, u64{62}, u64{63}, u64{64}, u64{500}, u64{10'000},
                          u64{1'000'000}, u64{1'000'000'000}}) {
            const TimerBase::Slot slot = TimerBase::slot_for(clk + delta, clk);
            EXPECT(time_after(slot.expiry, clk + delta));
            EXPECT(slot.expiry - (clk + delta) <= 1 + delta / 7);
            EXPECT(slot.bucket < TimerBase::kLevels * TimerBase::kBuckets);
        }
        EXPECT_EQ(TimerBase::slot_for(clk - 1, clk).expiry, clk);  // due: the next tick
        const TimerBase::Slot last = TimerBase::slot_for(clk + (u64{1} << 62), clk);
        EXPECT(last.expiry - clk > 1'000'000'000);  // the end of the wheel
    }
}

TEST(wheel_timers_are_well_timed, "core.time.wheel.times") {
    for (u64 begin : kStarts) {
        wheel.init(0, wheel_now = begin);
        Noting timers[6];
        unsigned at = 0;
        for (u64 delta : {1, 63, 64, 500, 10'000, 1'000'000}) start(timers[at++], begin + delta);
        while (next() - wheel_now < TimerBase::kMaxDelta / 2) {
            wheel_now = next();
            wheel.run(wheel_now);
        }
        for (const Noting& timer : timers) EXPECT(is_well_timed(timer));
    }
}

TEST(wheel_survives_random_use, "core.time.wheel.random") {
    constexpr unsigned kTimers = 64;
    static TestForever<Noting, kTimers> storage;
    Noting* const timers = storage.make();
    TestRandom random(test.seed);
    wheel.init(0, wheel_now = ~u64{0} - 5000);
    u32 wrong = 0, fired = 0;
    for (unsigned step = 0; step < 20'000; step++) {
        Noting& timer = timers[random.below(kTimers)];
        if (timer.times > 0) {
            fired++;
            wrong += !is_well_timed(timer);
            timer.times = 0;
        }
        if (timer.timer.is_pending()) stop(timer);
        if (random.one_in(2)) start(timer, wheel_now + random.below(u64{1} << random.below(14)));
        for (u64 ticks = random.below(8); ticks > 0; ticks--) wheel.run(++wheel_now);
        const Noting& other = timers[random.below(kTimers)];
        wrong +=
            other.timer.is_pending() && time_after(wheel_now, other.expires + allowance(other));
    }
    EXPECT(fired > 1000);
    EXPECT_EQ(wrong, 0);
    for (unsigned i = 0; i < kTimers; i++) {
        if (timers[i].timer.is_pending()) stop(timers[i]);
    }
    EXPECT(is_empty());
}

/// find_next() against looking at every bucket.
TEST(wheel_finds_the_next, "core.time.wheel.next") {
    Noting timers[4];
    TestRandom random(test.seed);
    for (unsigned round = 0; round < 2000; round++) {
        wheel.init(0, wheel_now = random.next());
        u64 first = wheel_now + TimerBase::kMaxDelta;
        for (Noting& timer : timers) {
            const u64 expires = wheel_now + random.below(u64{1} << random.below(29));
            first = time_before(TimerBase::slot_for(expires, wheel_now).expiry, first)
                        ? TimerBase::slot_for(expires, wheel_now).expiry
                        : first;
            start(timer, expires);
        }
        EXPECT_EQ(next(), first);
        for (Noting& timer : timers) stop(timer);
        EXPECT(is_empty());
    }
}

/// What it costs to arm, to stop and to expire one timer does not depend on how many there are.
TEST(wheel_costs_are_constant, "core.time.wheel.cost") {
    constexpr unsigned kMany = 10'000;
    Result<void*> memory = mm::vmalloc(kMany * sizeof(Noting));
    REQUIRE(memory.ok());
    Noting* const crowd = static_cast<Noting*>(memory.value());
    u64 steps[2];
    for (unsigned crowded = 0; crowded < 2; crowded++) {
        wheel.init(0, wheel_now = 1000);
        const unsigned others = crowded ? kMany : 10;
        for (unsigned i = 0; i < others; i++) {
            start(*new (&crowd[i]) Noting, wheel_now + 5000 + i % 20'000);
        }
        const u64 before = wheel.steps;
        Noting one, stopped;
        start(one, wheel_now + 20);
        start(stopped, wheel_now + 21);
        stop(stopped);
        for (unsigned tick = 0; tick < 100; tick++) wheel.run(++wheel_now);
        EXPECT(is_well_timed(one));
        EXPECT_EQ(stopped.times, 0);
        steps[crowded] = wheel.steps - before;
        for (unsigned i = 0; i < others; i++) stop(crowd[i]);
        EXPECT(is_empty());
    }
    EXPECT(steps[1] <= steps[0] + 3);
    mm::vfree(memory.value());
}

TEST(jiffies_compare_across_overflow, "core.time.jiffies.overflow") {
    static_assert(time_after(5, ~u64{0} - 5) && !time_after(~u64{0} - 5, 5));
    static_assert(time_before_eq(7, 7) && time_after_eq(7, 7) && !time_after(7, 7));
    static_assert(msecs_to_jiffies(1) == 1 && msecs_to_jiffies(1000) == kHz);
    static_assert(nsecs_to_jiffies(0) == 0 && nsecs_to_jiffies(1) == 1);
    static_assert(nsecs_to_jiffies(~u64{0}) < kMaxJiffyOffset);
    static_assert(msecs_to_jiffies(~u64{0}) <= kMaxJiffyOffset);
    EXPECT(time_after(jiffies(), kInitialJiffies));
    EXPECT(kInitialJiffies > ~u64{0} - 400 * kHz);  // overflows within minutes
}

}  // namespace time
