// Dead tasks give everything back, even more of them at once than the cache of stacks holds.

#include "core/time/clock.h"
#include "lib/test.h"
#include "mm/page_alloc.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

TEST(stacks_are_given_back, "sched.task.stacks") {
    constexpr u32 kThreads = 80;
    static constinit std::atomic<u32> alive{0};
    static constinit std::atomic<bool> may_die{false};
    auto nap = [](u64 ms) { (void)sleep_until(time::now_ns() + ms * time::kNsPerMs).ok(); };
    const u64 before = mm::free_page_count();
    for (u32 round = 0; round < 3; round++) {
        may_die = false;
        for (u32 i = 0; i < kThreads; i++) {
            Result<Task*> made = kthread_run(
                [](void*) {
                    alive.fetch_add(1);
                    while (!may_die.load()) {
                        (void)sleep_until(time::now_ns() + time::kNsPerMs).ok();
                    }
                    alive.fetch_sub(1);
                },
                nullptr, "short_lived");
            REQUIRE(made.ok());
        }
        for (u32 i = 0; i < 5000 && alive.load() < kThreads; i++) nap(1);
        may_die = true;
        for (u32 i = 0; i < 5000 && alive.load() > 0; i++) nap(1);
    }
    // The cache keeps 32; one round more would be 48 stacks of four pages, three rounds 144.
    constexpr u64 kKept = 32 * kKernelStackSize / kPageSize + 128;
    for (u32 i = 0; i < 1000 && mm::free_page_count() + kKept < before; i++) nap(1);
    EXPECT(mm::free_page_count() + kKept >= before);
}

}  // namespace sched
