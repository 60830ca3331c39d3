// Grace periods: for whom they wait and for whom not, and that callbacks come once and in order.

#include "core/rcu/rcu.h"

#include "core/rcu/state.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

namespace {

void nap(u64 ns) { (void)sleep_until(time::now_ns() + ns).ok(); }

/// Waits until `counter` is `value`; false if that takes ten seconds.
bool wait_for(const std::atomic<u32>& counter, u32 value) {
    const u64 deadline = time::now_ns() + 10 * time::kNsPerSec;
    while (counter.load() != value) {
        if (time::now_ns() > deadline) return false;
        nap(time::kNsPerMs);
    }
    return true;
}

/// A reader on a processor of its own that stays in its section until it is told to leave.
struct HeldReader {
    std::atomic<u32> is_inside{0}, may_leave{0}, has_left{0}, waited{0};

    static void read(void* self_pointer) {
        auto& self = *static_cast<HeldReader*>(self_pointer);
        {
            RcuReadGuard guard;
            self.is_inside.store(1);
            while (self.may_leave.load() == 0) arch::cpu_relax();
        }
        self.has_left.store(1);
    }
    /// Waits for a grace period meanwhile.
    static void wait(void* self_pointer) {
        auto& self = *static_cast<HeldReader*>(self_pointer);
        synchronize_rcu();
        self.waited.store(1);
    }
    void start(TestContext& test) {
        Task* const reader = kthread_run(read, this, "rcu_reader").take();
        (void)set_cpus_allowed(*reader, 2);
        EXPECT(wait_for(is_inside, 1));
        (void)kthread_run(wait, this, "rcu_waiter").take();
    }
};

struct Callback {
    RcuHead rcu;
    u32 number;
};
constinit std::atomic<u32> called{0}, out_of_order{0};
constexpr u32 kCallbacks = 500;
constinit Callback callbacks[kCallbacks];

void count_call(RcuHead& head) {
    const u32 number = rcu_owner<Callback, &Callback::rcu>(head).number;
    if (called.fetch_add(1) != number) out_of_order.fetch_add(1);
}

}  // namespace

TEST(a_period_waits_for_a_held_reader, "sched.rcu.held_reader") {
    if (!online_cpus.has(1)) return;
    static constinit HeldReader held;
    held.start(test);
    nap(60 * time::kNsPerMs);  // ten looks of the thread
    EXPECT_EQ(held.waited.load(), 0u);
    held.may_leave.store(1);
    EXPECT(wait_for(held.waited, 1));
    EXPECT(wait_for(held.has_left, 1));
}

TEST(callbacks_run_in_order, "sched.rcu.callbacks") {
    called = out_of_order = 0;
    {
        PreemptGuard stay;  // all on one processor
        for (u32 i = 0; i < kCallbacks; i++) {
            callbacks[i].number = i;
            call_rcu(callbacks[i].rcu, count_call);
        }
        EXPECT_EQ(called.load(), 0u);  // we are a reader ourselves
    }
    EXPECT(wait_for(called, kCallbacks));
    EXPECT_EQ(out_of_order.load(), 0u);
}

TEST(waiting_takes_a_period, "sched.rcu.synchronize") {
    if (online_cpus.count() == 1) return;
    const u64 before = rcu::sequence();
    synchronize_rcu();
    EXPECT(rcu::sequence() >= before + 2);
}

}  // namespace sched
