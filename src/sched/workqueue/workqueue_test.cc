// Works run once per queueing, by workers, in the right place and order; whoever waits for one or
// takes one back gets what was promised.

#include "sched/workqueue/workqueue.h"

#include "core/time/clock.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/test_wait.h"
#include "sched/workqueue/internal.h"

namespace sched {

namespace {

using time::kNsPerMs;

constinit std::atomic<u32> runs{0};
void count_run(Work&) { runs.fetch_add(1); }

/// A work that waits, asleep, until it is let go.
constinit std::atomic<u32> sleepers{0};
constinit std::atomic<bool> let_go{false};
void sleep_in_work(Work&) {
    sleepers.fetch_add(1);
    while (!let_go.load()) nap(kNsPerMs);
    sleepers.fetch_sub(1);
    runs.fetch_add(1);
}
void begin() { runs = 0, sleepers = 0, let_go = false; }

struct Seen {
    std::atomic<unsigned> cpu{~0u};
    std::atomic<i32> nice{0};
    std::atomic<bool> may_sleep{false}, is_worker{false};
    char comm[16] = {};
};
constinit Seen seen;
void look_around(Work&) {
    seen.cpu = cpu_id();
    seen.nice = current().nice;
    seen.may_sleep = may_sleep();
    seen.is_worker = current_is_workqueue_worker();
    memcpy(seen.comm, current().comm, sizeof seen.comm);
}

std::string_view seen_name() { return {seen.comm, strlen(seen.comm)}; }

}  // namespace

TEST(work_runs_once, "sched.workqueue.once") {
    Work work(count_run);
    begin();
    EXPECT(!flush_work(work));  // it was never queued
    {
        PreemptGuard stay;  // so its worker does not run yet
        EXPECT(queue_work_on(cpu_id(), *system_wq, work));
        EXPECT(!queue_work(*system_wq, work));
        EXPECT(work.is_pending());
    }
    flush_work(work);
    EXPECT_EQ(runs.load(), 1u);
    EXPECT(!work.is_pending());
    EXPECT(schedule_work(work));
    flush_work(work);
    EXPECT_EQ(runs.load(), 2u);
}

TEST(work_runs_where_it_should, "sched.workqueue.context") {
    Work work(look_around);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        queue_work_on(cpu, *system_wq, work);
        flush_work(work);
        char name[16];
        format_to(name, "kworker/%u:", cpu);
        EXPECT_EQ(seen.cpu.load(), cpu);
        EXPECT_EQ(seen_name().substr(0, strlen(name)), std::string_view(name));
        EXPECT(seen.may_sleep && seen.is_worker);
        EXPECT_EQ(seen.nice.load(), 0);
    });
    queue_work_on(0, *system_highpri_wq, work);
    flush_work(work);
    EXPECT_EQ(seen.nice.load(), -20);
    EXPECT(seen_name().back() == 'H');
    queue_work(*system_unbound_wq, work);
    flush_work(work);
    EXPECT_EQ(seen_name().substr(0, 9), "kworker/u");
    EXPECT(!current_is_workqueue_worker());
}

TEST(work_can_be_queued_in_interrupt, "sched.workqueue.from_irq") {
    static constinit Work work(count_run);
    begin();
    time::HrTimer timer([](time::HrTimer&) {
        schedule_work(work);
        return time::Restart::No;
    });
    timer.start(time::now_ns());
    EXPECT(comes_true([] { return runs.load() == 1; }));
    timer.cancel();
    flush_work(work);
}

// The first work sleeps; the second, for the same processor, does not wait for it.
TEST(sleeping_worker_is_replaced, "sched.workqueue.concurrency") {
    Work sleepy(sleep_in_work), quick(count_run);
    begin();
    queue_work_on(0, *system_wq, sleepy);
    queue_work_on(0, *system_wq, quick);
    EXPECT(comes_true([] { return runs.load() == 1; }));
    EXPECT_EQ(sleepers.load(), 1u);
    let_go = true;
    EXPECT(flush_work(sleepy) || runs.load() == 2);
    EXPECT_EQ(runs.load(), 2u);
}

// But one that computes keeps the others waiting: one worker at a time is enough for a processor.
TEST(running_worker_is_alone, "sched.workqueue.one_at_a_time") {
    static constinit std::atomic<u32> inside{0}, most{0};
    inside = most = 0;
    begin();
    auto compute = [](Work&) {
        const u32 now = inside.fetch_add(1) + 1;
        if (now > most.load()) most = now;
        const u64 end = time::now_ns() + 3 * kNsPerMs;
        while (time::now_ns() < end) arch::cpu_relax();
        inside.fetch_sub(1);
        runs.fetch_add(1);
    };
    Work a(compute), b(compute), c(compute);
    for (Work* work : {&a, &b, &c}) queue_work_on(0, *system_wq, *work);
    for (Work* work : {&a, &b, &c}) flush_work(*work);
    EXPECT_EQ(runs.load(), 3u);
    EXPECT_EQ(most.load(), 1u);
}

TEST(ordered_queue_keeps_order, "sched.workqueue.ordered") {
    WorkQueue* wq = alloc_workqueue("test_ordered", kWqOrdered, 0).take();
    static constinit char story[8];
    static constinit std::atomic<u32> length{0};
    length = 0;
    Work a([](Work&) { nap(3 * kNsPerMs), story[length++] = 'a'; });
    Work b([](Work&) { nap(kNsPerMs), story[length++] = 'b'; });
    Work c([](Work&) { story[length++] = 'c'; });
    queue_work(*wq, a), queue_work(*wq, b), queue_work(*wq, c);
    flush_workqueue(*wq);
    EXPECT_EQ(std::string_view(story, length.load()), "abc");
    destroy_workqueue(wq);
    EXPECT_EQ(alloc_workqueue("bad", kWqOrdered, 2).error(), EINVAL);
    EXPECT_EQ(alloc_workqueue("bad", 0, kWqMaxActive + 1).error(), EINVAL);
}

TEST(max_active_limits, "sched.workqueue.max_active") {
    WorkQueue* wq = alloc_workqueue("test_active", kWqUnbound, 2).take();
    begin();
    Work a(sleep_in_work), b(sleep_in_work), c(sleep_in_work), d(sleep_in_work);
    for (Work* work : {&a, &b, &c, &d}) queue_work(*wq, *work);
    EXPECT(comes_true([] { return sleepers.load() == 2; }));
    nap(5 * kNsPerMs);
    EXPECT_EQ(sleepers.load(), 2u);
    EXPECT(cancel_work(d));  // held back: never ran
    let_go = true;
    flush_workqueue(*wq);
    EXPECT_EQ(runs.load(), 3u);
    destroy_workqueue(wq);
}

TEST(work_never_runs_twice_at_once, "sched.workqueue.not_reentrant") {
    static constinit std::atomic<u32> inside{0}, most{0};
    inside = most = 0;
    begin();
    Work work([](Work&) {
        const u32 now = inside.fetch_add(1) + 1;
        if (now > most.load()) most = now;
        nap(kNsPerMs);
        inside.fetch_sub(1);
        runs.fetch_add(1);
    });
    for (unsigned round = 0; round < 10; round++) {
        for_each_cpu(online_cpus, [&](unsigned cpu) {
            queue_work_on(cpu, *system_wq, work);
            while (work.is_pending()) nap(100 * time::kNsPerUs);  // it begins
        });
    }
    flush_work(work);
    EXPECT_EQ(most.load(), 1u);
    EXPECT(runs.load() > 1);
}

TEST(work_requeues_itself, "sched.workqueue.again") {
    begin();
    Work work([](Work& self) {
        if (runs.fetch_add(1) + 1 < 300) schedule_work(self);
    });
    schedule_work(work);
    EXPECT(comes_true([] { return runs.load() == 300; }));
    flush_work(work);
}

}  // namespace sched
