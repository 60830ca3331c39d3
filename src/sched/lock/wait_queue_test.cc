// Wait queues: who is woken, what is left of a timeout, and that nothing is lost.

#include "sched/wait_queue.h"

#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"
#include "sched/lock/wait_event.h"

namespace sched {

namespace {

constinit SpinLock lock("test_wait", LockRank::Pipe);
constinit WaitQueue queue;
constinit std::atomic<u32> woken{0};

void sleep_once(void* state_and_kind) {
    const u64 how = reinterpret_cast<u64>(state_and_kind);
    const auto wakes = how >> 32 ? WaitQueue::Wakes::OneOfMany : WaitQueue::Wakes::Always;
    IrqGuard guard(lock);
    (void)queue.sleep_in(lock, u32(how), wakes, kForever).ok();
    woken++;
}

void start_sleeper(TestThread& thread, u32 state, bool exclusive) {
    thread.start(sleep_once, reinterpret_cast<void*>(u64{exclusive} << 32 | state));
    thread.await_sleep(state);
}

/// Wakes, and gives those who were woken the time to say so: `expected` of them, or more.
void wake(void (*how)(), u32 expected) {
    {
        IrqGuard guard(lock);
        how();
    }
    for (u32 tries = 0; tries < 3000 && woken.load() < expected; tries++) nap_ms(1);
    nap_ms(2);
}

}  // namespace

TEST(one_of_ten_is_woken, "sched.wait_queue.exclusive") {
    static constinit TestThread exclusive[10], others[2];
    woken = 0;
    for (TestThread& thread : exclusive) start_sleeper(thread, kUninterruptible, true);
    wake([] { queue.wake_one(); }, 1);
    EXPECT_EQ(woken.load(), 1u);
    for (TestThread& thread : others) start_sleeper(thread, kUninterruptible, false);
    wake([] { queue.wake_one(); }, 4);  // all of these, and one
    EXPECT_EQ(woken.load(), 4u);
    wake([] { queue.wake_some(3); }, 7);
    EXPECT_EQ(woken.load(), 7u);
    wake([] { queue.wake_all(); }, 12);
    EXPECT_EQ(woken.load(), 12u);
    EXPECT(!queue.has_waiters());
    for (TestThread& thread : exclusive) thread.join();
    for (TestThread& thread : others) thread.join();
}

TEST(uninterruptible_is_passed_over, "sched.wait_queue.interruptible_only") {
    static constinit TestThread deep, light;
    woken = 0;
    start_sleeper(deep, kUninterruptible, true);
    start_sleeper(light, kInterruptible, true);
    wake([] { queue.wake_one_interruptible(); }, 1);
    light.join();
    EXPECT(!deep.has_ended.load());
    wake([] { queue.wake_all_interruptible(); }, 1);
    EXPECT_EQ(woken.load(), 1u);
    wake([] { queue.wake_one(); }, 2);
    deep.join();
}

TEST(timeout_says_what_is_left, "sched.wait_queue.timeout") {
    static constinit TestThread waker;
    {
        IrqGuard guard(lock);
        EXPECT_EQ(queue.sleep_timeout(lock, 2 * time::kNsPerMs).take(), 0u);
    }
    waker.start(
        [](void*) {
            while (!queue.has_waiters()) nap_ms(1);
            wake([] { queue.wake_all(); }, 0);
        },
        nullptr);
    {
        IrqGuard guard(lock);
        const u64 left = queue.sleep_timeout(lock, 10'000 * time::kNsPerMs).take();
        EXPECT(left > 0 && left < 10'000 * time::kNsPerMs);
    }
    waker.join();
}

// The condition becomes true between the test and the sleep; nobody wakes again afterwards.
TEST(no_event_is_lost, "sched.wait_queue.event") {
    static constinit std::atomic<u32> turn{0};
    static constinit WaitQueue turned;
    static constinit TestThread other;
    turn = 0;
    constexpr u32 kTurns = 2000;
    other.start(
        [](void*) {
            for (u32 i = 1; i < kTurns; i += 2) {
                (void)wait_event(turned, kUninterruptible, [&] {
                    const bool ready = turn.load() == i;
                    for (u32 n = 0; n < i % 7 * 8; n++) arch::cpu_relax();
                    return ready;
                }).ok();
                turn = i + 1;
                turned.wake_all();
            }
        },
        nullptr);
    for (u32 i = 0; i < kTurns; i += 2) {
        EXPECT(wait_event(turned, kUninterruptible, [&] { return turn.load() == i; }).ok());
        turn = i + 1;
        turned.wake_all();
    }
    other.join();
    EXPECT_EQ(turn.load(), kTurns);
    EXPECT_EQ(wait_event_timeout(
                  turned, kUninterruptible, [] { return false; }, 1000)
                  .take(),
              0u);
}

}  // namespace sched
