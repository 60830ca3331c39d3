// Reader-writer spin locks and sequence locks.

#include "core/lock/rw_spin_lock.h"

#include "core/lock/seq_lock.h"
#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"

namespace {

using sched::TestThread;

struct Shared {
    RwSpinLock lock{"test_rw", LockRank::Tasks};
    SeqLock seq{"test_seq", LockRank::Tasks};
    std::atomic<u64> first{0}, second{0};  // always equal, for who looks properly
    std::atomic<u32> readers{0}, most{0}, violations{0}, retries{0};
    std::atomic<bool> stop{false};
    std::atomic<u32> steps{0};
};
constinit Shared shared;

void read_much(void*) {
    while (!shared.stop.load()) {
        IrqReadGuard guard(shared.lock);
        const u32 now = shared.readers.fetch_add(1) + 1;
        u32 most = shared.most.load();
        while (now > most && !shared.most.compare_exchange_weak(most, now)) {
        }
        shared.violations += shared.first.load() != shared.second.load();
        for (u32 i = 0; i < 20; i++) arch::cpu_relax();
        shared.readers--;
    }
}

void write_some(void*) {
    for (u32 i = 0; i < 300; i++) {
        IrqWriteGuard guard(shared.lock);
        shared.violations += shared.readers.load() != 0;
        shared.first.store(shared.first.load() + 1, std::memory_order_relaxed);
        shared.second.store(shared.second.load() + 1, std::memory_order_relaxed);
    }
}

void read_sequence(void*) {
    while (!shared.stop.load()) {
        u64 first, second;
        for (;;) {
            const u32 seen = shared.seq.begin_read();
            first = shared.first.load(std::memory_order_relaxed);
            arch::cpu_relax();
            second = shared.second.load(std::memory_order_relaxed);
            if (!shared.seq.must_retry(seen)) break;
            shared.retries++;
        }
        shared.violations += first != second;
    }
}

/// Writes until readers have had to begin again, as they must some time.
void write_sequence(void*) {
    for (u32 i = 0; i < 200'000; i++) {
        if (i >= 3000 && (shared.retries.load() > 0 || !online_cpus.has(1))) return;
        SeqWriteGuard guard(shared.seq);
        shared.first.store(shared.first.load() + 1, std::memory_order_relaxed);
        shared.second.store(shared.second.load() + 1, std::memory_order_relaxed);
    }
}

void read_as_interrupt() {
    IrqOffGuard irqs;
    arch::this_cpu_add(preempt_count, kHardirqOffset);
    { IrqReadGuard nested(shared.lock); }
    arch::this_cpu_add(preempt_count, -kHardirqOffset);
}

}  // namespace

// Readers keep the lock among them all the time; writers get it nevertheless, and alone.
TEST(rw_spin_lock_under_load, "lock.rwlock.stress") {
    static constinit TestThread readers[3], writer;
    shared.stop = false;
    shared.violations = shared.most = 0;
    shared.first = shared.second = 0;
    for (TestThread& thread : readers) thread.start(read_much, nullptr);
    writer.start(write_some, nullptr);
    writer.join();
    for (u32 i = 0; i < 1000 && shared.most.load() < 2 && online_cpus.count() > 1; i++) {
        sched::nap_ms(1);
    }
    shared.stop = true;
    for (TestThread& thread : readers) thread.join();
    EXPECT_EQ(shared.violations.load(), 0u);
    EXPECT_EQ(shared.first.load(), 300u);
    if (online_cpus.count() > 1) EXPECT(shared.most.load() > 1);
    EXPECT(!shared.lock.is_locked());
}

// A writer waits for a reader: further readers wait behind it, but a handler that interrupts the
// reader reads at once; it would otherwise wait for the writer, which waits for the reader.
TEST(rw_spin_lock_in_interrupt, "lock.rwlock.interrupt") {
    static constinit TestThread writer;
    if (!online_cpus.has(1)) return;
    shared.steps = 0;
    auto hold = [](void*) {
        const u64 before = arch::this_cpu_read(held_ranks);
        {
            SpinReadGuard guard(shared.lock);
            shared.steps = 1;
            while (shared.steps.load() != 2) arch::cpu_relax();
            for (u32 i = 0; i < 1000; i++) arch::cpu_relax();  // the writer comes
            read_as_interrupt();
        }
        shared.violations += arch::this_cpu_read(held_ranks) != before;
    };
    static constinit TestThread reader;
    shared.violations = 0;
    reader.start(hold, nullptr, 0);
    writer.start(
        [](void*) {
            while (sched::current().cpu.load() != 1) sched::nap_ms(1);
            while (shared.steps.load() != 1) sched::nap_ms(1);
            PreemptGuard stay;
            shared.steps = 2;
            IrqWriteGuard guard(shared.lock);
        },
        nullptr, 1);
    reader.join();
    writer.join();
    EXPECT_EQ(shared.violations.load(), 0u);
    EXPECT(!shared.lock.is_locked());
}

TEST(seq_lock_is_never_torn, "lock.seqlock") {
    static constinit TestThread readers[2], writer;
    shared.stop = false;
    shared.violations = shared.retries = 0;
    shared.first = shared.second = 0;
    for (TestThread& thread : readers) thread.start(read_sequence, nullptr);
    writer.start(write_sequence, nullptr);
    writer.join();
    shared.stop = true;
    for (TestThread& thread : readers) thread.join();
    EXPECT_EQ(shared.violations.load(), 0u);
    if (online_cpus.has(1)) EXPECT(shared.retries.load() > 0);
}
