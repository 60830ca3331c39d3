// Threads that wait for each other, and who gets how much of the processor.

#include "sched/sched.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/mutex.h"
#include "sched/run_queue.h"
#include "sched/test_wait.h"

namespace sched {

namespace {

/// Two threads pass a ball; a lost wake-up would leave both asleep.
struct Ball {
    SpinLock lock{"ball", LockRank::Pipe};
    WaitQueue moved;
    unsigned holder = 0;
    unsigned passes = 0;
    unsigned done = 0;
};
constinit Ball ball;
constexpr unsigned kPasses = 2000;

void play(unsigned me) {
    IrqGuard guard(ball.lock);
    while (ball.passes < kPasses) {
        if (ball.holder != me) {
            ball.moved.sleep_uninterruptible(ball.lock);
            continue;
        }
        ball.holder = 1 - me;
        ball.passes++;
        ball.moved.wake_all();
    }
    ball.done++;
    ball.moved.wake_all();
}

constinit Mutex counter_mutex("test_counter");
constinit u64 counter = 0;
constinit std::atomic<u32> counters_left{0};

void count_slowly(void*) {
    for (unsigned i = 0; i < 300; i++) {
        MutexGuard guard(counter_mutex);
        const u64 seen = counter;
        if (i % 16 == 0) yield();  // somebody else runs while we hold it
        counter = seen + 1;
    }
    counters_left.fetch_sub(1);
}

struct Spinner {
    std::atomic<bool> stop{false};
    std::atomic<u32> ended{0};
};
constinit Spinner spinner;

void spin(void*) {
    while (!spinner.stop.load(std::memory_order_relaxed)) arch::cpu_relax();
    spinner.ended.fetch_add(1);
}

Task* start_spinner(int nice) {
    Task* task = kthread_run(spin, nullptr, "spinner").take();
    task->ref_count.inc();
    (void)set_cpus_allowed(*task, 1);
    set_user_nice(*task, nice);
    return task;
}

}  // namespace

TEST(no_wakeup_is_lost, "sched.wait_queue.pingpong") {
    ball.passes = ball.done = 0;
    (void)kthread_run([](void*) { play(0); }, nullptr, "ping").take();
    (void)kthread_run([](void*) { play(1); }, nullptr, "pong").take();
    IrqGuard guard(ball.lock);
    while (ball.done < 2) ball.moved.sleep_uninterruptible(ball.lock);
    EXPECT_EQ(ball.passes, kPasses);
}

TEST(mutex_excludes, "sched.mutex.excludes") {
    counter = 0;
    counters_left = 4;
    for (unsigned i = 0; i < 4; i++) (void)kthread_run(count_slowly, nullptr, "counter").take();
    while (counters_left.load() > 0) nap(time::kNsPerMs);
    EXPECT_EQ(counter, 4u * 300);
}

TEST(sleep_has_a_deadline, "sched.wait_queue.deadline") {
    static constinit SpinLock lock("deadline", LockRank::Pipe);
    static constinit WaitQueue never;
    const u64 due = time::now_ns() + 3 * time::kNsPerMs;
    IrqGuard guard(lock);
    EXPECT(never.sleep_until(lock, due).error() == ETIMEDOUT);
    EXPECT(time::now_ns() >= due);
    EXPECT(!never.has_waiters());
}

// Threads of nice 0, 0 and 5 on one processor: their virtual run times stay together, and so their
// real ones are as 1024 to 1024 to 335. When the emulator itself is kept waiting, whoever runs is
// charged for that, and the others catch up afterwards: so it is enough that they are together
// some time.
TEST(shares_follow_weights, "sched.fair.weights") {
    spinner.stop = false;
    spinner.ended = 0;
    Task* const tasks[] = {start_spinner(0), start_spinner(0), start_spinner(5)};
    nap(300 * time::kNsPerMs);
    bool together = false;
    for (unsigned tries = 0; tries < 100 && !together; tries++) {
        nap(10 * time::kNsPerMs);
        u64 least = ~u64{0}, most = 0, ran[3];
        for (unsigned i = 0; i < 3; i++) {
            const u64 vruntime = tasks[i]->se.vruntime;
            least = vruntime < least ? vruntime : least;
            most = vruntime > most ? vruntime : most;
            ran[i] = tasks[i]->se.sum_exec_runtime;
        }
        const u64 share = ran[2] * 1024 * 100 / (ran[0] * 335);
        together = most - least < 20 * time::kNsPerMs && share > 70 && share < 130;
    }
    EXPECT(together);
    spinner.stop = true;
    while (spinner.ended.load() < 3) nap(time::kNsPerMs);
    for (Task* task : tasks) Ref<Task>::adopt(task).reset();
}

TEST(affinity_is_kept, "sched.affinity") {
    spinner.stop = false;
    spinner.ended = 0;
    Task* const task = start_spinner(0);
    for (unsigned i = 0; i < 5; i++) {
        nap(2 * time::kNsPerMs);
        EXPECT_EQ(task->cpu.load(), 0u);
    }
    EXPECT(set_cpus_allowed(*task, 0).error() == EINVAL);
    if (online_cpus.has(1)) {
        EXPECT(set_cpus_allowed(*task, 2).ok());
        nap(20 * time::kNsPerMs);
        EXPECT_EQ(task->cpu.load(), 1u);
    }
    spinner.stop = true;
    while (spinner.ended.load() < 1) nap(time::kNsPerMs);
    Ref<Task>::adopt(task).reset();
}

/// Whether a task that sleeps in `state`, and wakes up elsewhere, changes the number by `by` for as
/// long. False also if somebody else has fallen asleep or woken up meanwhile.
bool counts_while_asleep(u32 state, u64 by) {
    auto sleep = [](void* how) {
        set_current_state(u32(reinterpret_cast<u64>(how)));
        schedule();
    };
    const u64 before = nr_uninterruptible();
    Result<Task*> made = kthread_create(sleep, reinterpret_cast<void*>(u64{state}), "blocked");
    if (!made.ok()) return false;
    const Ref<Task> task = Ref<Task>::share(made.value());
    (void)set_cpus_allowed(*task, 1);
    wake_up_new_task(*task);
    while (task->state.load() != state || task->on_cpu.load()) yield();
    const u64 asleep = nr_uninterruptible();
    (void)set_cpus_allowed(*task, online_cpus.bits() & ~u64{1});
    wake_up_process(*task);
    (void)kthread_stop(*task).ok();
    return asleep == before + by && nr_uninterruptible() == before;
}

// Who waits for a disk is busy, as far as the load goes; who waits for a key is not.
TEST(load_of_the_blocked, "sched.load.uninterruptible") {
    for (u32 round = 0; round < 10; round++) {
        EXPECT(comes_true([] { return counts_while_asleep(kUninterruptible, 1); }));
        EXPECT(comes_true([] { return counts_while_asleep(kInterruptible, 0); }));
    }
}

}  // namespace sched
