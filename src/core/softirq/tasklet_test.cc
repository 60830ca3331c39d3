// A tasklet runs once however often it is scheduled, alone in the whole system, and not while it is
// disabled; kill() wins even over one that schedules itself.

#include "core/softirq/tasklet.h"

#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/test_wait.h"
#include "sched/wait_queue.h"

namespace {

constinit std::atomic<u32> runs{0};
void count_run(Tasklet&) { runs.fetch_add(1); }

}  // namespace

TEST(tasklet_runs_once, "core.softirq.tasklet.once") {
    Tasklet tasklet(count_run);
    runs = 0;
    {
        BhGuard guard;
        EXPECT(tasklet.schedule());
        EXPECT(!tasklet.schedule());
        EXPECT(!tasklet.schedule_hi());
        EXPECT(tasklet.is_scheduled());
    }
    EXPECT_EQ(runs.load(), 1u);
    EXPECT(!tasklet.is_scheduled() && !tasklet.is_running());
    {
        BhGuard guard;
        EXPECT(tasklet.schedule());
    }
    EXPECT_EQ(runs.load(), 2u);
}

TEST(tasklets_in_order, "core.softirq.tasklet.order") {
    static constinit char story[8];
    static constinit u32 length = 0;
    length = 0;
    Tasklet a([](Tasklet&) { story[length++] = 'a'; });
    Tasklet b([](Tasklet&) { story[length++] = 'b'; });
    Tasklet urgent([](Tasklet&) { story[length++] = 'u'; });
    {
        BhGuard guard;
        a.schedule();
        b.schedule();
        urgent.schedule_hi();
    }
    EXPECT_EQ(std::string_view(story, length), "uab");
}

TEST(tasklet_schedules_itself, "core.softirq.tasklet.again") {
    runs = 0;
    Tasklet tasklet([](Tasklet& self) {
        if (runs.fetch_add(1) + 1 < 1000) self.schedule();
    });
    tasklet.schedule();
    EXPECT(sched::comes_true([] { return runs.load() == 1000; }));
    tasklet.kill();
    EXPECT_EQ(runs.load(), 1000u);
}

// The list has three, the middle one is disabled: the others run, and it does when it is enabled.
TEST(disabled_tasklet_waits, "core.softirq.tasklet.disable") {
    static constinit std::atomic<u32> others{0};
    others = runs = 0;
    Tasklet before([](Tasklet&) { others.fetch_add(1); });
    Tasklet tasklet(count_run);
    Tasklet after([](Tasklet&) { others.fetch_add(1); });
    tasklet.disable();
    tasklet.disable();
    {
        BhGuard guard;
        before.schedule();
        tasklet.schedule();
        after.schedule();
    }
    EXPECT_EQ(others.load(), 2u);
    EXPECT_EQ(runs.load(), 0u);
    EXPECT(!tasklet.schedule());                                           // it still is
    EXPECT_EQ(softirq::pending() & 1u << unsigned(SoftIrq::Tasklet), 0u);  // nobody spins
    tasklet.enable();
    EXPECT(tasklet.is_scheduled());
    {
        BhGuard guard;
        tasklet.enable();
        EXPECT_EQ(runs.load(), 0u);
    }
    EXPECT(sched::comes_true([] { return runs.load() == 1; }));
    tasklet.kill();
}

TEST(tasklet_is_alone, "core.softirq.tasklet.alone") {
    static constinit std::atomic<u32> inside{0}, most{0}, left{0};
    inside = most = runs = 0;
    left = online_cpus.count();
    static constinit Tasklet tasklet([](Tasklet&) {
        const u32 now = inside.fetch_add(1) + 1;
        if (now > most.load()) most = now;
        for (unsigned i = 0; i < 100; i++) arch::cpu_relax();
        runs.fetch_add(1);
        inside.fetch_sub(1);
    });
    for_each_cpu(online_cpus, [](unsigned cpu) {
        sched::Task* task = sched::kthread_create(
                                [](void*) {
                                    for (unsigned i = 0; i < 2000; i++) {
                                        BhGuard guard;
                                        tasklet.schedule();
                                    }
                                    left.fetch_sub(1);
                                },
                                nullptr, "scheduler")
                                .take();
        sched::kthread_bind(*task, cpu);
        sched::wake_up_new_task(*task);
    });
    EXPECT(sched::comes_true([] { return left.load() == 0; }));
    tasklet.kill();
    EXPECT_EQ(most.load(), 1u);
    EXPECT(runs.load() > 0);
    EXPECT(!tasklet.is_scheduled() && !tasklet.is_running());
}

TEST(kill_wins, "core.softirq.tasklet.kill") {
    runs = 0;
    Tasklet restless([](Tasklet& self) {
        runs.fetch_add(1);
        self.schedule();
    });
    restless.schedule();
    EXPECT(sched::comes_true([] { return runs.load() > 100; }));
    restless.kill();
    const u32 after = runs.load();
    (void)sched::sleep_until(time::now_ns() + 5 * time::kNsPerMs).ok();
    EXPECT_EQ(runs.load(), after);

    runs = 0;
    Tasklet disabled(count_run);
    disabled.disable();
    disabled.schedule();
    disabled.kill();
    EXPECT(!disabled.is_scheduled());
    disabled.enable();
    EXPECT_EQ(runs.load(), 0u);
    EXPECT(disabled.schedule());  // as good as new
    disabled.kill();
    EXPECT_EQ(runs.load(), 1u);
}
