// A reader that sleeps is woken by the next record, whatever lock its writer holds.

#include "sched/log_wait.h"

#include "core/log/printk.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"

namespace sched {

TEST(log_wakes_readers, "sched.log_wait") {
    static constinit std::atomic<u32> woken{0};
    static constinit std::atomic<u64> from{0};
    woken = 0;
    constexpr u32 kReaders = 3;
    for (u32 round = 1; round <= 5; round++) {
        from = log_next_sequence();
        for (u32 i = 0; i < kReaders; i++) {
            (void)kthread_run([](void*) { woken.fetch_add(wait_for_log(from.load()).ok()); },
                              nullptr, "reader")
                .take();
        }
        (void)sleep_until(time::now_ns() + round * time::kNsPerMs).ok();
        {
            static constinit SpinLock innermost{"log_wait_test", LockRank::Trace};
            IrqGuard guard(innermost);
            printk(Level::Debug, "a record for those who wait, number %u", round);
        }
        for (u32 i = 0; i < 5000 && woken.load() < round * kReaders; i++) {
            (void)sleep_until(time::now_ns() + time::kNsPerMs).ok();
        }
        EXPECT_EQ(woken.load(), round * kReaders);
    }
}

}  // namespace sched
