// Semaphores and completions.

#include "sched/lock/semaphore.h"

#include "lib/test.h"
#include "sched/lock/completion.h"
#include "sched/lock/lock_test_thread.h"

namespace sched {

namespace {

constinit Semaphore three("test_three", 3);
constinit std::atomic<u32> inside{0}, most{0};
constinit std::atomic<bool> interrupted{false};

void enter(void*) {
    for (u32 i = 0; i < 10; i++) {
        three.down();
        const u32 now = inside.fetch_add(1) + 1;
        u32 seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        nap_ms(1);
        inside--;
        three.up();
    }
}

constinit Semaphore none("test_none", 0);
void down_unless_interrupted(void*) { interrupted = !none.down_interruptible().ok(); }

constinit Completion done;
constinit std::atomic<u32> passed{0};
void wait_for_it(void*) {
    done.wait();
    passed++;
}
void wait_unless_interrupted(void*) { interrupted = !done.wait_interruptible().ok(); }

}  // namespace

TEST(semaphore_admits_so_many, "sched.semaphore.count") {
    static constinit TestThread threads[6];
    most = 0;
    for (TestThread& thread : threads) thread.start(enter, nullptr);
    for (TestThread& thread : threads) thread.join();
    EXPECT_EQ(most.load(), 3u);  // while one naps, others come
    EXPECT_EQ(three.count(), 3u);
}

TEST(semaphore_gives_up, "sched.semaphore.interruptible") {
    static constinit TestThread thread;
    thread.start(down_unless_interrupted, nullptr);
    thread.await_sleep(kInterruptible);
    thread.send_signal(false);
    thread.join();
    EXPECT(interrupted.load());
    EXPECT(!none.down_trylock());
    const u64 before = time::now_ns();
    EXPECT(none.down_timeout(2 * time::kNsPerMs).error() == ETIMEDOUT);
    EXPECT(time::now_ns() - before >= 2 * time::kNsPerMs);
    none.up();  // nobody waits any more: the place stays
    EXPECT(none.down_timeout(time::kNsPerMs).ok());
    EXPECT_EQ(none.count(), 0u);
}

TEST(completion_counts, "sched.completion.count") {
    static constinit TestThread threads[3];
    done.reinit();
    done.complete();
    done.wait();  // said before: does not block
    EXPECT(!done.try_wait() && !done.is_done());
    passed = 0;
    for (TestThread& thread : threads) {
        thread.start(wait_for_it, nullptr);
        thread.await_sleep(kUninterruptible);
    }
    done.complete();
    while (passed.load() == 0) nap_ms(1);
    nap_ms(2);
    EXPECT_EQ(passed.load(), 1u);  // one for one
    done.complete_all();
    for (TestThread& thread : threads) thread.join();
    EXPECT(done.try_wait() && done.try_wait() && done.wait_timeout(1) > 0);
    done.reinit();
    EXPECT_EQ(done.wait_timeout(time::kNsPerMs), 0u);
}

TEST(completion_yields_to_signals, "sched.completion.interruptible") {
    static constinit TestThread thread;
    done.reinit();
    interrupted = false;
    thread.start(wait_unless_interrupted, nullptr);
    thread.await_sleep(kInterruptible);
    thread.send_signal(false);
    thread.join();
    EXPECT(interrupted.load());
    done.complete();
    EXPECT(done.try_wait());
}

}  // namespace sched
