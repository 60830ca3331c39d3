/// What the tests of RCU have in common.
#pragma once

#include <atomic>

#include "core/rcu/rcu.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/rcu/grace_period.h"
#include "sched/sched.h"
#include "sched/test_wait.h"

namespace sched {

/// For threads: from here on they run there. Who only *is told* to move could be in a section
/// before.
inline void move_to(unsigned cpu) {
    (void)set_cpus_allowed(current(), u64{1} << cpu);
    while (cpu_id() != cpu) yield();
}

/// Waits until `counter` is `value`; false if that takes a minute.
inline bool wait_for(const std::atomic<u32>& counter, u32 value) {
    const u64 deadline = time::now_ns() + 60 * time::kNsPerSec;
    while (counter.load() != value) {
        if (time::now_ns() > deadline) return false;
        nap(time::kNsPerMs);
    }
    return true;
}

/// A reader on processor 1 that stays in its section until it is told to leave.
struct HeldReader {
    std::atomic<u32> is_inside{0}, may_leave{0}, has_left{0}, waited{0};
    void (*synchronize)() = synchronize_rcu;

    static void read_on_1(void* self_pointer) {
        move_to(1);
        read(self_pointer);
    }
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
        self.synchronize();
        self.waited.store(1);
    }
    /// Not where the reader is, nor the thread that runs the grace periods: there they could not
    /// run, and would seem to wait.
    void start_waiter() {
        (void)set_cpus_allowed(*rcu_thread(), ~u64{2});
        Task* const waiter = kthread_run(wait, this, "rcu_waiter").take();
        (void)set_cpus_allowed(*waiter, ~u64{2});
    }
    void start(TestContext& test) {
        (void)kthread_run(read_on_1, this, "rcu_reader").take();
        EXPECT(wait_for(is_inside, 1));
        start_waiter();
    }
    void finish(TestContext& test) {
        may_leave.store(1);
        EXPECT(wait_for(waited, 1));
        EXPECT(wait_for(has_left, 1));
        (void)set_cpus_allowed(*rcu_thread(), ~u64{0});
    }
};

}  // namespace sched
