// Sleeping for ticks: what is left when something else wakes us, and no wake-up lost on the way.

#include "sched/timeout.h"

#include "core/time/jiffies.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"

namespace sched {

namespace {

void wake_after_five(void* task) {
    schedule_timeout_uninterruptible(5);
    wake_up_process(*static_cast<Task*>(task));
}

struct Signal {
    SpinLock lock{"test_signal", LockRank::Pipe};
    WaitQueue queue;
    std::atomic<u32> sent{0}, seen{0};
};

constexpr u32 kSignals = 500;

/// Sends the next signal as soon as the last one was seen: that is just when the other one is on
/// its way to sleep.
void send_signals(void* argument) {
    auto& signal = *static_cast<Signal*>(argument);
    for (u32 i = 1; i <= kSignals; i++) {
        while (signal.seen.load() < i - 1) {
            arch::cpu_relax();
            if (online_cpus.count() == 1) yield();
        }
        signal.sent.store(i);
        IrqGuard guard(signal.lock);
        signal.queue.wake_all();
    }
}

}  // namespace

// In ticks as they are counted: who counts them may be late, and then catches up.
TEST(timeouts_sleep_long_enough, "sched.timeout.full") {
    for (i64 ticks : {0, 1, 3}) {
        const u64 before = time::jiffies();
        EXPECT_EQ(schedule_timeout_uninterruptible(ticks), 0);
        EXPECT(time::jiffies() - before >= u64(ticks));
        EXPECT_EQ(current().state.load(), kRunning);
    }
    const u64 before = time::jiffies();
    msleep(9);
    EXPECT(time::jiffies() - before >= time::msecs_to_jiffies(9));
}

TEST(timeouts_return_what_is_left, "sched.timeout.left") {
    (void)kthread_run(wake_after_five, &current(), "waker").take();
    const i64 left = schedule_timeout_uninterruptible(10 * i64(time::kHz));
    EXPECT(left > 0);
    EXPECT(left <= 10 * i64(time::kHz) - 5);
    EXPECT(left > 5 * i64(time::kHz));
}

TEST(timeouts_are_not_negative, "sched.timeout.negative") {
    set_current_state(kInterruptible);
    EXPECT_EQ(schedule_timeout(-1), 0);
    EXPECT_EQ(current().state.load(), kRunning);
}

TEST(woken_waiters_lose_nothing, "sched.timeout.woken") {
    static TestForever<Signal, 1> storage;
    Signal& signal = *storage.make();
    WokenWaiter waiter(signal.queue);
    (void)kthread_run(send_signals, &signal, "sender").take();
    u32 timeouts = 0;
    for (u32 i = 1; i <= kSignals; i++) {
        i64 left = 5 * i64(time::kHz);
        while (signal.sent.load() < i && left > 0) left = waiter.wait(kInterruptible, left);
        timeouts += left == 0;
        signal.seen.store(i);
        if (timeouts > 2) break;
    }
    EXPECT_EQ(timeouts, 0);
    signal.seen.store(kSignals);
    schedule_timeout_uninterruptible(3);  // the sender is through
}

}  // namespace sched
