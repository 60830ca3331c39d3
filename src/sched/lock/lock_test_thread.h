/// What the tests of locks have in common: threads that do one thing and can be waited for.
#pragma once

#include "core/time/clock.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

inline void nap_ms(u64 ms) { (void)sleep_until(time::now_ns() + ms * time::kNsPerMs).ok(); }

/// A thread that runs a function of one argument; join() waits for its end.
struct TestThread {
    void (*body)(void*) = nullptr;
    void* argument = nullptr;
    Task* task = nullptr;
    std::atomic<bool> has_ended{false};

    /// Starts it on `cpu`, or anywhere (-1).
    void start(void (*what)(void*), void* with, int cpu = -1) {
        body = what;
        argument = with;
        has_ended = false;
        task = kthread_create(run, this, "lock_test").take();
        if (cpu >= 0) (void)set_cpus_allowed(*task, u64{1} << cpu);
        wake_up_new_task(*task);  // from here on it may be gone at any time
    }
    void join() {
        while (!has_ended.load()) nap_ms(1);
    }
    /// Until it sleeps in `state`. It must not have ended.
    void await_sleep(u32 state) {
        while (task->state.load() != state || task->on_cpu.load() != 0) nap_ms(1);
    }
    /// As if a signal had come for it.
    void send_signal(bool fatal) {
        if (fatal) task->set(kKilled);
        task->set(kSigPending);
        try_to_wake_up(*task, kInterruptible | (fatal ? u32{kWakeKill} : 0u));
    }

    static void run(void* self) {
        auto& thread = *static_cast<TestThread*>(self);
        thread.body(thread.argument);
        thread.has_ended = true;
    }
};

}  // namespace sched
