// Counters and reference counts that every processor keeps for itself: all of them together are
// exact, while all count at once.

#include "core/time/clock.h"
#include "lib/test.h"
#include "mm/percpu/percpu_counter.h"
#include "mm/percpu/percpu_ref.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace mm {

namespace {

constexpr u32 kRounds = 5000;

void nap() { (void)sched::sleep_until(time::now_ns() + time::kNsPerMs).ok(); }

/// Runs `work` in twice as many threads as there are processors, and waits until all have ended.
struct Crowd {
    std::atomic<u32> left{0};
    void (*work)(void*) = nullptr;
    void* argument = nullptr;

    void start() {
        const u32 count = 2 * online_cpus.count();
        left.store(count);
        for (u32 i = 0; i < count; i++) {
            (void)sched::kthread_run(
                [](void* self) {
                    auto& crowd = *static_cast<Crowd*>(self);
                    crowd.work(crowd.argument);
                    crowd.left.fetch_sub(1);
                },
                this, "percpu_test")
                .take();
        }
    }
    void finish() {
        while (left.load() > 0) nap();
    }
};
constinit Crowd crowd;

void count_up_and_down(void* counter_pointer) {
    auto& counter = *static_cast<PerCpuCounter*>(counter_pointer);
    for (u32 i = 0; i < kRounds; i++) {
        counter.add(i % 7);
        if (i % 3 == 0) counter.add(-2);
        if (i % 500 == 0) sched::yield();
    }
}

constexpr i64 expected_of_one() {
    i64 sum = 0;
    for (u32 i = 0; i < kRounds; i++) sum += i64{i % 7} - (i % 3 == 0 ? 2 : 0);
    return sum;
}

struct Counted {
    PercpuRef ref{released};
    std::atomic<u32> releases{0}, confirms{0}, alive{0}, too_early{0}, stop{0};

    static Counted& of(PercpuRef& ref) { return reinterpret_cast<Counted&>(ref); }
    static void released(PercpuRef& ref) { of(ref).releases.fetch_add(1); }
    static void confirmed(PercpuRef& ref) { of(ref).confirms.fetch_add(1); }
};

/// Takes references as long as it can, and drops them again, some on another processor.
void use(void* counted_pointer) {
    auto& counted = *static_cast<Counted*>(counted_pointer);
    for (u32 i = 0; counted.ref.try_get_live(); i++) {
        counted.ref.get();
        if (i % 64 == 0) sched::yield();
        if (counted.releases.load() != 0) counted.too_early.fetch_add(1);
        counted.ref.put();
        counted.alive.fetch_add(1, std::memory_order_relaxed);
        if (counted.releases.load() != 0) counted.too_early.fetch_add(1);
        counted.ref.put();
    }
}

}  // namespace

TEST(the_sum_is_exact, "mm.percpu_counter.sum") {
    static constinit std::byte room[sizeof(PerCpuCounter)];
    auto& counter = *new (&room) PerCpuCounter();
    REQUIRE(counter.init(100).ok());
    crowd.work = count_up_and_down;
    crowd.argument = &counter;
    crowd.start();
    crowd.finish();
    const i64 expected = 100 + expected_of_one() * 2 * online_cpus.count();
    EXPECT_EQ(counter.sum(), expected);
    const i64 error = PerCpuCounter::kBatch * possible_cpus.count();
    EXPECT(counter.read() > expected - error && counter.read() < expected + error);
    EXPECT_EQ(counter.compare(expected), 0);
    EXPECT_EQ(counter.compare(expected - 1), 1);
    EXPECT_EQ(counter.compare(expected + 1), -1);
    EXPECT_EQ(counter.compare(0), 1);
    counter.~PerCpuCounter();
}

TEST(released_once_after_the_last, "mm.percpu_ref.kill") {
    static TestForever<Counted, 1> storage;
    Counted& counted = *storage.make();
    REQUIRE(counted.ref.init().ok());
    counted.ref.get();  // ours, beside the first one
    crowd.work = use;
    crowd.argument = &counted;
    crowd.start();
    while (counted.alive.load() < 1000) nap();
    EXPECT(!counted.ref.is_dying());
    counted.ref.kill(Counted::confirmed);
    EXPECT(counted.ref.is_dying());
    EXPECT(!counted.ref.try_get_live());
    crowd.finish();
    rcu_barrier();
    EXPECT_EQ(counted.confirms.load(), 1u);
    EXPECT_EQ(counted.releases.load(), 0u);  // we still have ours
    EXPECT(counted.ref.try_get());
    counted.ref.put();
    counted.ref.put();
    EXPECT_EQ(counted.releases.load(), 1u);
    EXPECT(!counted.ref.try_get());
    EXPECT_EQ(counted.too_early.load(), 0u);
    counted.ref.~PercpuRef();
}

}  // namespace mm
