// A task that ends while somebody wakes it up from the sleep that it did not need.

#include "arch/cpu.h"
#include "lib/ref.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/task.h"

namespace sched {

namespace {

constinit std::atomic<Task*> victim{nullptr};
constinit std::atomic<bool> rounds_over{false}, go{false};
constinit std::atomic<u32> ended{0}, laps{0};

void wake_without_end(void*) {
    while (!rounds_over.load()) {
        if (Task* const task = victim.load()) wake_up_process(*task);
        laps.fetch_add(1);
        if (need_resched()) yield();
    }
    ended.fetch_add(1);
}

/// Announces a sleep, finds that it need not sleep, and ends: the wake-up may come at any point.
void about_to_sleep(void* argument) {
    while (!go.load()) yield();
    for (u64 i = 0; i < 20; i++) {
        set_current_state(kInterruptible);
        for (u64 k = 0; k < reinterpret_cast<u64>(argument); k++) arch::cpu_relax();
    }
    set_current_state(kRunning);
    ended.fetch_add(1);
}

}  // namespace

TEST(late_wakeup_does_not_raise_the_dead, "sched.exit.late_wakeup") {
    constexpr u32 kRounds = 100;
    ended = 0;
    rounds_over = false;
    victim = nullptr;
    go = false;
    (void)kthread_run(wake_without_end, nullptr, "waker").take();
    for (u32 round = 0; round < kRounds; round++) {
        Ref<Task> task = Ref<Task>::share(
            kthread_run(about_to_sleep, reinterpret_cast<void*>(u64{round % 7}), "victim").take());
        victim = task.get();
        go = true;
        while (ended.load() <= round) yield();
        while (!(task->state.load() & (kZombie | kDead))) yield();
        victim = nullptr;
        go = false;
        const u32 seen = laps.load();  // two laps later the waker cannot mean this task any more
        while (laps.load() - seen < 2) yield();
    }
    rounds_over = true;
    while (ended.load() < kRounds + 1) yield();
}

}  // namespace sched
