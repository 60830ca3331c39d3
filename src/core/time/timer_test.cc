// Timers expire in order, not before their time, and not after they were cancelled.

#include "core/time/timer.h"

#include "core/time/clock.h"
#include "lib/test.h"

namespace time {

namespace {

constexpr unsigned kTimers = 10;

/// A timer that notes when it went off, and as which.
struct Noting {
    static void expired(HrTimer& timer) {
        auto& self = reinterpret_cast<Noting&>(timer);  // its first member
        self.at_ns = now_ns();
        self.place = next_place++;
    }
    HrTimer timer{expired};
    u64 at_ns = 0;
    unsigned place = ~0u;
    static inline constinit std::atomic<unsigned> next_place{0};
};

void wait_until(u64 ns) {
    while (now_ns() < ns) {
    }
}

}  // namespace

TEST(timers_expire_in_order, "core.time.timer.order") {
    Noting timers[kTimers];
    Noting::next_place = 0;
    const u64 begin = now_ns() + 2 * kNsPerMs;
    for (unsigned i = 0; i < kTimers; i++) {  // armed in a scrambled order
        const unsigned n = i * 7 % kTimers;
        timers[n].timer.start(begin + n * 100 * kNsPerUs);
    }
    wait_until(begin + kTimers * 100 * kNsPerUs + 20 * kNsPerMs);
    for (unsigned n = 0; n < kTimers; n++) {
        EXPECT_EQ(timers[n].place, n);
        EXPECT(timers[n].at_ns >= begin + n * 100 * kNsPerUs);
        EXPECT(!timers[n].timer.is_armed());
    }
}

TEST(cancelled_timers_are_silent, "core.time.timer.cancel") {
    Noting early, late;
    early.timer.start(now_ns() + kNsPerMs);
    late.timer.start(now_ns() + 5 * kNsPerMs);
    EXPECT(late.timer.cancel());
    EXPECT(!late.timer.cancel());
    wait_until(now_ns() + 15 * kNsPerMs);
    EXPECT(early.place != ~0u);
    EXPECT(late.place == ~0u);
    EXPECT(!early.timer.cancel());
}

TEST(timers_can_move, "core.time.timer.move") {
    Noting timer;
    timer.timer.start(now_ns() + 1000 * kNsPerSec);
    const u64 due = now_ns() + 2 * kNsPerMs;
    timer.timer.start(due);
    wait_until(due + 10 * kNsPerMs);
    EXPECT(timer.at_ns >= due);
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
