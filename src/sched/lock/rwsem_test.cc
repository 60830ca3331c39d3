// Reader-writer semaphores: who is in together with whom, who waits for whom.

#include "sched/lock/rwsem.h"

#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"

namespace sched {

namespace {

struct Shared {
    RwSemaphore sem{"test_rwsem"};
    std::atomic<u32> readers{0}, most_readers{0};
    std::atomic<u32> violations{0};
    std::atomic<u32> served{0};
    char order[8] = {};
    u64 first = 0, second = 0;  // always equal, as a reader sees them
    std::atomic<bool> stop{false};
    std::atomic<bool> interrupted{false};
};
constinit Shared shared;

void read_all_the_time(void*) {
    while (!shared.stop.load()) {
        ReadGuard guard(shared.sem);
        const u32 now = shared.readers.fetch_add(1) + 1;
        u32 most = shared.most_readers.load();
        while (now > most && !shared.most_readers.compare_exchange_weak(most, now)) {
        }
        if (shared.first != shared.second) shared.violations++;
        if (now % 2) yield();
        shared.readers--;
    }
}

void write_sometimes(void*) {
    for (u32 i = 0; i < 200; i++) {
        WriteGuard guard(shared.sem);
        if (shared.readers.load() != 0) shared.violations++;
        shared.first++;
        if (i % 16 == 0) yield();
        shared.second++;
    }
}

void read_once(void*) {
    ReadGuard guard(shared.sem);
    shared.order[shared.served++] = 'r';
}
void write_once(void*) {
    WriteGuard guard(shared.sem);
    shared.order[shared.served++] = 'w';
}
void write_unless_killed(void*) NO_LOCK_ANALYSIS {
    const Result<void> got = shared.sem.down_write_killable();
    shared.interrupted = !got.ok();
    if (got.ok()) shared.sem.up_write();
}

}  // namespace

// Readers never leave the semaphore free together; writers get it nevertheless.
TEST(rwsem_under_load, "sched.rwsem.stress") {
    static constinit TestThread readers[3], writers[2];
    shared.stop = false;
    shared.violations = shared.most_readers = 0;
    shared.first = shared.second = 0;
    for (TestThread& thread : readers) thread.start(read_all_the_time, nullptr);
    for (TestThread& thread : writers) thread.start(write_sometimes, nullptr);
    for (TestThread& thread : writers) thread.join();
    nap_ms(3);
    shared.stop = true;
    for (TestThread& thread : readers) thread.join();
    EXPECT_EQ(shared.violations.load(), 0u);
    EXPECT_EQ(shared.first, 2u * 200);
    EXPECT(shared.most_readers.load() > 1);  // a yield() within lets the others in
    EXPECT(!shared.sem.is_locked() && !shared.sem.has_waiters());
}

TEST(rwsem_keeps_order, "sched.rwsem.writer_first") {
    static constinit TestThread writer, late[2];
    shared.served = 0;
    {
        ReadGuard guard(shared.sem);
        writer.start(write_once, nullptr);
        writer.await_sleep(kUninterruptible);
        EXPECT(!shared.sem.try_down_read());  // behind the writer
        for (TestThread& thread : late) {
            thread.start(read_once, nullptr);
            thread.await_sleep(kUninterruptible);
        }
    }
    writer.join();
    for (TestThread& thread : late) thread.join();
    EXPECT_EQ(std::string_view(shared.order, 3), "wrr");
}

// A writer that gives up lets those in who waited behind it.
TEST(rwsem_writer_gives_up, "sched.rwsem.killable") {
    static constinit TestThread writer, reader;
    shared.served = 0;
    {
        ReadGuard guard(shared.sem);
        writer.start(write_unless_killed, nullptr);
        writer.await_sleep(kKillable);
        reader.start(read_once, nullptr);
        reader.await_sleep(kUninterruptible);
        writer.send_signal(true);
        writer.join();
        reader.join();
        EXPECT_EQ(shared.served.load(), 1u);
    }
    EXPECT(shared.interrupted.load());
    EXPECT(!shared.sem.is_locked() && !shared.sem.has_waiters());
}

TEST(rwsem_downgrades, "sched.rwsem.downgrade") {
    static constinit TestThread reader, writer;
    shared.served = 0;
    auto check = [](TestContext& test) NO_LOCK_ANALYSIS {
        shared.sem.down_write();
        EXPECT(shared.sem.is_held_for_writing() && !shared.sem.try_down_read());
        reader.start(read_once, nullptr);
        reader.await_sleep(kUninterruptible);
        writer.start(write_once, nullptr);
        writer.await_sleep(kUninterruptible);
        shared.sem.downgrade_write();
        reader.join();  // reads together with us
        EXPECT(!writer.has_ended.load());
        shared.sem.up_read();
        writer.join();
    };
    check(test);
    EXPECT_EQ(std::string_view(shared.order, 2), "rw");
    EXPECT(!shared.sem.is_locked());
}

}  // namespace sched
