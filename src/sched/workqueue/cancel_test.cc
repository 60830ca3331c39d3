// Delays, flushing, cancelling, draining, and what happens when there are too many workers or none.

#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/test_wait.h"
#include "sched/workqueue/internal.h"

namespace sched {

namespace {

using time::kNsPerMs;

constinit std::atomic<u32> runs{0};
constinit std::atomic<u64> ran_at{0};
void note(Work&) {
    ran_at = time::now_ns();
    runs.fetch_add(1);
}

}  // namespace

TEST(delayed_work_waits, "sched.workqueue.delayed") {
    DelayedWork work(note);
    runs = 0;
    const u64 due = time::now_ns() + 5 * kNsPerMs;
    EXPECT(schedule_delayed_work(work, 5 * kNsPerMs));
    EXPECT(!schedule_delayed_work(work, 0));
    EXPECT(work.is_pending());
    EXPECT(comes_true([] { return runs.load() == 1; }));
    EXPECT(ran_at.load() >= due);
    EXPECT(!cancel_delayed_work_sync(work));
    EXPECT(queue_delayed_work(*system_wq, work, 0));
    flush_delayed_work(work);
    EXPECT_EQ(runs.load(), 2u);
}

TEST(mod_delayed_work_moves, "sched.workqueue.mod_delayed") {
    DelayedWork work(note);
    runs = 0;
    EXPECT(!mod_delayed_work(*system_wq, work, 1000 * time::kNsPerSec));
    const u64 due = time::now_ns() + 10 * kNsPerMs;
    for (unsigned i = 0; i < 1000; i++) {
        const u64 now = time::now_ns();
        EXPECT(mod_delayed_work(*system_wq, work, (due > now ? due - now : 0) + 50 * kNsPerMs));
    }
    EXPECT(comes_true([] { return runs.load() > 0; }));
    EXPECT(ran_at.load() >= due);
    nap(5 * kNsPerMs);
    EXPECT_EQ(runs.load(), 1u);
    EXPECT(!mod_delayed_work(*system_wq, work, 0));  // at once
    flush_delayed_work(work);
    EXPECT_EQ(runs.load(), 2u);
}

TEST(flush_skips_delay, "sched.workqueue.flush_delayed") {
    DelayedWork work(note);
    runs = 0;
    schedule_delayed_work(work, 1000 * time::kNsPerSec);
    flush_delayed_work(work);  // false if another processor was done with it first
    EXPECT_EQ(runs.load(), 1u);
}

TEST(cancelled_delayed_work_is_silent, "sched.workqueue.cancel_delayed") {
    DelayedWork work(note);
    runs = 0;
    schedule_delayed_work(work, 3 * kNsPerMs);
    EXPECT(cancel_delayed_work(work));
    EXPECT(!work.is_pending());
    schedule_delayed_work(work, 3 * kNsPerMs);
    EXPECT(cancel_delayed_work_sync(work));
    nap(10 * kNsPerMs);
    EXPECT_EQ(runs.load(), 0u);
}

TEST(flush_waits_for_running, "sched.workqueue.flush") {
    static constinit std::atomic<bool> started{false};
    started = false;
    runs = 0;
    Work work([](Work&) {
        started = true;
        nap(10 * kNsPerMs);
        runs.fetch_add(1);
    });
    schedule_work(work);
    EXPECT(comes_true([] { return started.load(); }));
    EXPECT(flush_work(work));
    EXPECT_EQ(runs.load(), 1u);
    EXPECT(!flush_work(work));
}

// A flush waits for what was queued before, and not for what its works queue meanwhile.
TEST(flush_workqueue_ends, "sched.workqueue.flush_all") {
    WorkQueue* wq = alloc_workqueue("test_flush", 0, 0).take();
    static constinit WorkQueue* same;
    same = wq;
    runs = 0;
    Work once(note), endless([](Work&self) {
        nap(kNsPerMs);
        queue_work(*same, self);
    });
    queue_work(*wq, endless);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        queue_work_on(cpu, *wq, once);
        flush_workqueue(*wq);
    });
    EXPECT_EQ(runs.load(), online_cpus.count());
    EXPECT(cancel_work_sync(endless) || !endless.is_pending());
    destroy_workqueue(wq);
}

TEST(cancel_beats_requeue, "sched.workqueue.cancel_sync") {
    runs = 0;
    Work restless([](Work& self) {
        runs.fetch_add(1);
        schedule_work(self);
        nap(kNsPerMs);
    });
    schedule_work(restless);
    EXPECT(comes_true([] { return runs.load() > 3; }));
    cancel_work_sync(restless);
    const u32 after = runs.load();
    nap(10 * kNsPerMs);
    EXPECT_EQ(runs.load(), after);
    EXPECT(!restless.is_pending());
    EXPECT(!cancel_work_sync(restless));
}

TEST(drain_follows_chains, "sched.workqueue.drain") {
    WorkQueue* wq = alloc_workqueue("test_drain", kWqUnbound, 0).take();
    static constinit WorkQueue* same;
    same = wq;
    runs = 0;
    Work chain([](Work& self) {
        nap(kNsPerMs);
        if (runs.fetch_add(1) + 1 < 5) queue_work(*same, self);
    });
    queue_work(*wq, chain);
    drain_workqueue(*wq);
    EXPECT_EQ(runs.load(), 5u);
    destroy_workqueue(wq);
}

// Without new workers, a second work would wait for the first one's sleep for ever.
TEST(rescuer_helps, "sched.workqueue.rescuer") {
    WorkQueue* wq = alloc_workqueue("test_rescue", kWqMemReclaim, 0).take();
    static constinit std::atomic<u32> asleep{0}, rescued{0};
    static constinit std::atomic<bool> let_go{false};
    asleep = rescued = 0;
    let_go = false;
    auto sleepy = [](Work&) {
        asleep.fetch_add(1);
        while (!let_go.load()) nap(kNsPerMs);
        asleep.fetch_sub(1);
    };
    constexpr unsigned kMany = 8;
    Work s0(sleepy), s1(sleepy), s2(sleepy), s3(sleepy), s4(sleepy), s5(sleepy), s6(sleepy),
        s7(sleepy);
    Work* const all[kMany] = {&s0, &s1, &s2, &s3, &s4, &s5, &s6, &s7};
    Work last([](Work&) { rescued = current().nice == -20 ? 2 : 1; });
    worker_creation_fails = true;
    // As many as there are workers, and more: the last ones find nobody.
    for (Work* work : all) queue_work_on(0, *system_wq, *work);
    queue_work_on(0, *wq, last);
    EXPECT(comes_true([] { return rescued.load() != 0; }));
    EXPECT_EQ(rescued.load(), 2u);
    worker_creation_fails = false;
    let_go = true;
    for (Work* work : all) flush_work(*work);
    destroy_workqueue(wq);
}

TEST(idle_workers_leave, "sched.workqueue.reap") {
    static constinit std::atomic<u32> asleep{0};
    static constinit std::atomic<bool> let_go{false};
    asleep = 0;
    let_go = false;
    auto sleepy = [](Work&) {
        asleep.fetch_add(1);
        while (!let_go.load()) nap(kNsPerMs);
    };
    Work a(sleepy), b(sleepy), c(sleepy), d(sleepy), e(sleepy), f(sleepy);
    Work* const all[] = {&a, &b, &c, &d, &e, &f};
    for (Work* work : all) queue_work_on(0, *system_wq, *work);
    EXPECT(comes_true([] { return asleep.load() == 6; }));
    WorkerPool& zero = pool_for(0, 0);
    EXPECT(zero.worker_count >= 6);
    const u64 usual = worker_idle_timeout_ns.exchange(2 * kNsPerMs);
    zero.idle_timer.cancel();
    let_go = true;
    for (Work* work : all) flush_work(*work);
    EXPECT(comes_true([&] { return zero.worker_count <= 3; }));
    EXPECT(zero.idle_count >= 1);
    worker_idle_timeout_ns = usual;
}

// Everybody queues, cancels and flushes the same few works.
TEST(works_survive_a_crowd, "sched.workqueue.crowd") {
    static constinit std::atomic<u32> left{0}, inside[4]{}, overlaps{0};
    static constinit Work works[4] = {
        Work([](Work&) { overlaps += inside[0].fetch_add(1) != 0, inside[0].fetch_sub(1); }),
        Work([](Work&) { overlaps += inside[1].fetch_add(1) != 0, inside[1].fetch_sub(1); }),
        Work([](Work&) { overlaps += inside[2].fetch_add(1) != 0, inside[2].fetch_sub(1); }),
        Work([](Work&) { overlaps += inside[3].fetch_add(1) != 0, inside[3].fetch_sub(1); })};
    left = 4;
    overlaps = 0;
    for (u64 seed = 0; seed < 4; seed++) {
        (void)kthread_run(
            [](void* number) {
                TestRandom random(reinterpret_cast<u64>(number) + 1);
                for (unsigned i = 0; i < 400; i++) {
                    Work& work = works[random.below(4)];
                    switch (random.below(6)) {
                    case 0: flush_work(work); break;
                    case 1: cancel_work(work); break;
                    case 2: cancel_work_sync(work); break;
                    default: queue_work(*system_wq, work);
                    }
                }
                left.fetch_sub(1);
            },
            reinterpret_cast<void*>(seed), "crowd")
            .take();
    }
    EXPECT(comes_true([] { return left.load() == 0; }));
    for (Work& work : works) {
        cancel_work_sync(work);
        EXPECT(!work.is_pending() && work.on_list.load() == nullptr);
    }
    EXPECT_EQ(overlaps.load(), 0u);
}

}  // namespace sched
