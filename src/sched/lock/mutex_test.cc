// Mutexes: exclusion under load, order of those who wait, signals.

#include "sched/mutex.h"

#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"

namespace sched {

namespace {

struct Shared {
    Mutex mutex{"test_mutex"};
    u64 value = 0;
    std::atomic<u32> arrived{0};
    std::atomic<u32> served{0};
    void* order[8] = {};
    std::atomic<bool> interrupted{false};
};
constinit Shared shared;

void count_up(void*) {
    for (u64 i = 0; i < 500; i++) {
        MutexGuard guard(shared.mutex);
        const u64 seen = shared.value;
        if (i % 64 == 0) yield();  // somebody else runs while we hold it
        shared.value = seen + 1;
    }
}

void take_in_turn(void* me) {
    MutexGuard guard(shared.mutex);
    shared.order[shared.served++] = me;
}

void take_unless_interrupted(void*) NO_LOCK_ANALYSIS {
    const Result<void> taken = shared.mutex.lock_interruptible();
    shared.interrupted = !taken.ok() && taken.error() == ERESTARTSYS;
    if (taken.ok()) shared.mutex.unlock();
}

void take_unless_killed(void*) NO_LOCK_ANALYSIS {
    const Result<void> taken = shared.mutex.lock_killable();
    shared.interrupted = !taken.ok();
    if (taken.ok()) shared.mutex.unlock();
}

/// Takes and releases it all the time, to be quicker than those who sleep.
constinit std::atomic<bool> hogs{false};
void hog(void*) {
    while (hogs.load()) {
        MutexGuard guard(shared.mutex);
        arch::cpu_relax();
    }
}

}  // namespace

TEST(mutex_excludes_many, "sched.mutex.stress") {
    static constinit TestThread threads[6];
    shared.value = 0;
    for (TestThread& thread : threads) thread.start(count_up, nullptr);
    for (TestThread& thread : threads) thread.join();
    EXPECT_EQ(shared.value, 6u * 500);
    EXPECT(!shared.mutex.is_locked());
}

TEST(mutex_queue_is_fifo, "sched.mutex.fifo") {
    static constinit TestThread threads[4];
    shared.served = 0;
    {
        MutexGuard guard(shared.mutex);
        for (TestThread& thread : threads) {
            thread.start(take_in_turn, &thread);
            thread.await_sleep(kUninterruptible);
        }
    }
    for (TestThread& thread : threads) thread.join();
    for (u32 i = 0; i < 4; i++) EXPECT_EQ(shared.order[i], static_cast<void*>(&threads[i]));
}

TEST(mutex_yields_to_signals, "sched.mutex.interruptible") {
    static constinit TestThread thread;
    MutexGuard guard(shared.mutex);
    thread.start(take_unless_interrupted, nullptr);
    thread.await_sleep(kInterruptible);
    thread.send_signal(false);
    thread.join();
    EXPECT(shared.interrupted.load());
    EXPECT(shared.mutex.is_held());
}

TEST(mutex_yields_to_death_only, "sched.mutex.killable") {
    static constinit TestThread thread;
    MutexGuard guard(shared.mutex);
    thread.start(take_unless_killed, nullptr);
    thread.await_sleep(kKillable);
    thread.send_signal(false);
    nap_ms(2);
    EXPECT(!thread.has_ended.load());
    thread.send_signal(true);
    thread.join();
    EXPECT(shared.interrupted.load());
}

// Two threads that are never away from the mutex for long; a third one gets it all the same.
TEST(mutex_starves_nobody, "sched.mutex.hand_off") {
    static constinit TestThread greedy[2], patient;
    hogs = true;
    shared.served = 0;
    for (TestThread& thread : greedy) thread.start(hog, nullptr);
    nap_ms(2);
    for (u32 round = 0; round < 5; round++) {
        shared.served = 0;
        patient.start(take_in_turn, nullptr);
        patient.join();
        EXPECT_EQ(shared.served.load(), 1u);
    }
    hogs = false;
    for (TestThread& thread : greedy) thread.join();
}

TEST(mutex_tries, "sched.mutex.try") {
    static constinit Mutex mutex("test_try");
    EXPECT(!mutex.is_locked());
    {
        MutexGuard guard(mutex);
        EXPECT(mutex.is_held() && mutex.is_locked());
        static constinit TestThread thread;
        static constinit std::atomic<bool> got{true};
        thread.start(
            [](void* it) NO_LOCK_ANALYSIS {
                auto& other = *static_cast<Mutex*>(it);
                got = other.try_lock();
            },
            &mutex);
        thread.join();
        EXPECT(!got.load());
    }
    EXPECT(!mutex.is_locked());
}

}  // namespace sched
