// Kernel threads end and rest when they are asked to, and whoever asks learns what they did.

#include "sched/kthread.h"

#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"
#include "sched/sched.h"

namespace sched {

namespace {

/// Counts while it may.
struct Counter {
    std::atomic<u32> count{0};
    std::atomic<u32> rounds_parked{0};
    Ref<Task> task;

    static void run(void* argument) {
        auto& self = *static_cast<Counter*>(argument);
        while (!kthread_should_stop()) {
            if (kthread_should_park()) {
                self.rounds_parked++;
                kthread_parkme();
                continue;
            }
            self.count++;
            (void)sleep_until(time::now_ns() + 100'000).ok();
        }
        kthread_exit(42);
    }

    bool make() {
        Result<Task*> made = kthread_create(run, this, "counter");
        if (made.ok()) task = Ref<Task>::share(made.value());
        return made.ok();
    }
    /// Whether it counts on, within five seconds.
    bool goes_on() const {
        const u32 before = count.load();
        for (u32 i = 0; i < 5000 && count.load() == before; i++) nap_ms(1);
        return count.load() != before;
    }
};

}  // namespace

TEST(stop_yields_the_result, "sched.kthread.stop") {
    Counter counter;  // stopped before it goes
    REQUIRE(counter.make());
    wake_up_new_task(*counter.task);
    EXPECT(counter.goes_on());
    Result<i32> result = kthread_stop(*counter.task);
    REQUIRE(result.ok());
    EXPECT_EQ(result.value(), 42);
    const u32 last = counter.count.load();
    nap_ms(5);
    EXPECT_EQ(counter.count.load(), last);
    Result<i32> again = kthread_stop(*counter.task);  // it stays so
    EXPECT(again.ok() && again.value() == 42);
    EXPECT(kthread_park(*counter.task).error() == ESRCH);
    EXPECT(!kthread_should_stop());  // the one who asks was not asked
}

TEST(a_function_that_returns, "sched.kthread.returns") {
    Result<Task*> made = kthread_create([](void*) {}, nullptr, "brief");
    REQUIRE(made.ok());
    const Ref<Task> task = Ref<Task>::share(made.value());
    wake_up_new_task(*task);
    nap_ms(5);
    Result<i32> result = kthread_stop(*task);
    EXPECT(result.ok() && result.value() == 0);
}

TEST(stop_before_the_start, "sched.kthread.never_ran") {
    Counter counter;  // stopped before it goes
    REQUIRE(counter.make());
    EXPECT(kthread_stop(*counter.task).error() == EINTR);
    EXPECT_EQ(counter.count.load(), 0u);
}

TEST(parked_threads_rest, "sched.kthread.park") {
    Counter counter;  // stopped before it goes
    REQUIRE(counter.make());
    EXPECT(kthread_park(*counter.task).ok());  // before it has begun
    EXPECT_EQ(counter.count.load(), 0u);
    for (u32 i = 0; i < 5000 && counter.task->on_cpu.load() != 0; i++) nap_ms(1);
    EXPECT_EQ(state_letter(*counter.task), 'P');
    EXPECT(!wake_up_process(*counter.task));
    EXPECT(kthread_park(*counter.task).error() == EBUSY);
    kthread_unpark(*counter.task);
    EXPECT(counter.goes_on());

    EXPECT(kthread_park(*counter.task).ok());
    EXPECT_EQ(counter.rounds_parked.load(), 1u);
    const u32 last = counter.count.load();
    nap_ms(5);
    EXPECT_EQ(counter.count.load(), last);
    Result<i32> result = kthread_stop(*counter.task);  // out of its rest
    EXPECT(result.ok() && result.value() == 42);
    EXPECT_EQ(counter.count.load(), last);
}

TEST(parked_again_and_again, "sched.kthread.park_storm") {
    Counter counter;  // stopped before it goes
    REQUIRE(counter.make());
    wake_up_new_task(*counter.task);
    EXPECT(counter.goes_on());
    for (u32 i = 1; i <= 500; i++) {
        REQUIRE(kthread_park(*counter.task).ok());
        const u32 last = counter.count.load();
        if (i % 50 == 0) nap_ms(1);
        REQUIRE(counter.count.load() == last);
        kthread_unpark(*counter.task);
    }
    EXPECT(kthread_stop(*counter.task).ok());
}

}  // namespace sched
