// Spin locks under several processors: exclusion, order of arrival, and what guards leave behind.

#include "core/lock/spin_lock.h"

#include "arch/cpu_features.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/test_wait.h"
#include "sched/wait_queue.h"

namespace {

/// Runs `body` in a kernel thread that stays on `cpu`, once it has got there (await_processor).
void run_on(unsigned cpu, void (*body)(void*)) {
    void* const arg = reinterpret_cast<void*>(u64{cpu});
    sched::Task* const task = sched::kthread_run(body, arg, "lock_test").take();
    (void)sched::set_cpus_allowed(*task, u64{1} << cpu);
}

void await_processor(void* arg) {
    const u64 wanted = reinterpret_cast<u64>(arg);
    while (sched::current().cpu.load() != wanted) sched::nap(time::kNsPerMs / 4);
}

struct Counted {
    SpinLock lock{"test_counted", LockRank::Tasks};
    u64 value = 0;
    std::atomic<u32> left{0};
};
constinit Counted counted;
constexpr u64 kRounds = 3000;

void count_up(void*) {
    for (u64 i = 0; i < kRounds; i++) {
        // All ways of taking it by turns; no interrupt takes this lock.
        if (i % 3 == 0) {
            SpinGuard guard(counted.lock);
            counted.value++;
        } else if (i % 3 == 1) {
            IrqGuard guard(counted.lock);
            counted.value++;
        } else {
            for (bool done = false; !done;) {
                TryIrqGuard guard(counted.lock);
                if (!guard.holds()) continue;
                counted.value++;
                done = true;
            }
        }
    }
    counted.left--;
}

void count_on_all() {
    const unsigned cpus = online_cpus.count();
    counted.value = 0;
    counted.left = cpus * 2;
    for (unsigned i = 0; i < cpus * 2; i++) run_on(i % cpus, count_up);
    while (counted.left.load() > 0) sched::nap(time::kNsPerMs);
}

struct Queue {
    SpinLock lock{"test_fifo", LockRank::Tasks};
    std::atomic<u32> turn{0};  // the processor that shall come now
    std::atomic<u32> served{0};
    std::atomic<u32> arrived{0}, expected{0};  // where they shall wait, with interrupts on
    u32 order[kMaxCpus] = {};
};
constinit Queue fifo;

void begin_queue(u32 expected) {
    fifo.served = fifo.turn = fifo.arrived = 0;
    fifo.expected = expected;
}

/// Nobody turns interrupts off before all have arrived: on their way they may need a timer of this
/// processor.
void await_all() {
    while (fifo.arrived.load() < fifo.expected.load()) sched::nap(time::kNsPerMs / 4);
}

void join_queue(void* cpu) {
    await_processor(cpu);
    fifo.arrived++;
    await_all();
    IrqOffGuard irqs;
    const u32 me = cpu_id();
    while (fifo.turn.load() != me) arch::cpu_relax();
    SpinGuard guard(fifo.lock);
    fifo.order[fifo.served.load()] = me;
    fifo.served++;
}

/// Whether processor `cpu` waits for the lock, as the `number`th.
bool has_come(unsigned cpu, u32 number) {
    const u32 word = fifo.lock.word().raw();
    return number == 0 ? word >> 8 & 1 : word >> 18 == cpu + 1;
}

void hold_while_they_come(void* here) {
    await_processor(here);
    const unsigned cpus = online_cpus.count();
    for (unsigned cpu = cpus - 1; cpu > 0; cpu--) run_on(cpu, join_queue);
    await_all();
    SpinGuard guard(fifo.lock);
    for (unsigned cpu = cpus - 1, number = 0; cpu > 0; cpu--, number++) {
        fifo.turn = cpu;
        while (!has_come(cpu, number)) arch::cpu_relax();
    }
}

}  // namespace

TEST(spin_lock_excludes, "lock.spin.excludes") {
    count_on_all();
    EXPECT_EQ(counted.value, online_cpus.count() * 2 * kRounds);
    EXPECT(!counted.lock.is_locked());
    EXPECT_EQ(counted.lock.word().raw(), 0u);
}

TEST(spin_lock_excludes_in_queue, "lock.spin.excludes_queue") {
    QueuedWord::always_queue = true;
    count_on_all();
    QueuedWord::always_queue = false;
    EXPECT_EQ(counted.value, online_cpus.count() * 2 * kRounds);
    EXPECT_EQ(counted.lock.word().raw(), 0u);
}

// On an emulated processor who waits leaves no trace in the word, or it would hold up the others
// whenever its thread does not run.
TEST(spin_lock_of_virtual_processors, "lock.spin.virtual") {
    if (online_cpus.count() < 2 || !arch::cpu_features.hypervisor) return;
    begin_queue(1);
    (void)sched::set_cpus_allowed(sched::current(), 1);  // the other one would not let us run there
    run_on(1, join_queue);
    await_all();
    u32 seen = 0;
    {
        IrqGuard guard(fifo.lock);
        fifo.turn = 1;
        // Long enough for the other one to have come.
        const u64 until = time::now_ns() + 5 * time::kNsPerMs;
        while (time::now_ns() < until) seen |= fifo.lock.word().raw();
    }
    while (fifo.served.load() < 1 || fifo.lock.is_locked()) sched::nap(time::kNsPerMs);
    (void)sched::set_cpus_allowed(sched::current(), ~u64{0});
    EXPECT_EQ(seen & ~0xffu, 0u);
}

// One processor after the other comes while the lock is held, and they get it in that order: the
// first that waits by the pending bit, all others by the queue.
TEST(spin_lock_is_fair, "lock.spin.fifo") {
    const unsigned cpus = online_cpus.count();
    if (cpus < 3) return;  // one holds it, and two must wait
    QueuedWord::always_queue = true;
    begin_queue(cpus - 1);
    run_on(0, hold_while_they_come);
    while (fifo.served.load() < cpus - 1 || fifo.lock.is_locked()) sched::nap(time::kNsPerMs);
    QueuedWord::always_queue = false;
    // From the last processor down to the second.
    for (u32 i = 0; i + 1 < cpus; i++) EXPECT_EQ(fifo.order[i], cpus - 1 - i);
    EXPECT_EQ(fifo.lock.word().raw(), 0u);
}

TEST(spin_lock_tries, "lock.spin.try") {
    static constinit SpinLock lock("test_try", LockRank::Pipe);
    {
        TryIrqGuard guard(lock);
        EXPECT(guard.holds() && lock.is_held() && lock.is_locked());
        EXPECT(!arch::irqs_on());
        TryIrqGuard second(lock);
        EXPECT(!second.holds());
        EXPECT_EQ(arch::this_cpu_read(held_ranks), u64{1} << int(LockRank::Pipe));
    }
    EXPECT(arch::irqs_on() && !lock.is_locked());
    {
        TrySpinGuard guard(lock);
        EXPECT(guard.holds() && arch::irqs_on() && preempt_depth() == 1);
    }
    EXPECT_EQ(preempt_depth(), 0u);
    EXPECT_EQ(arch::this_cpu_read(held_ranks), 0u);
    EXPECT_EQ(lock.holder(), -1);
}

TEST(irq_guards_nest, "lock.spin.irqsave") {
    static constinit SpinLock outer("test_outer", LockRank::Pipe);
    static constinit SpinLock inner("test_inner", LockRank::WaitQueue);
    {
        IrqGuard first(outer);
        {
            IrqGuard second(inner);
            EXPECT(!arch::irqs_on());
        }
        EXPECT(!arch::irqs_on());  // as the inner guard found it
    }
    EXPECT(arch::irqs_on());
}

TEST(locks_of_one_rank_nest, "lock.spin.nested") {
    static constinit SpinLock first("test_first", LockRank::Pipe);
    static constinit SpinLock second("test_second", LockRank::Pipe);
    IrqOffGuard irqs;
    first.lock();
    second.lock_nested();
    EXPECT(first.is_held() && second.is_held());
    EXPECT(second.word().raw() != 0 && first.word().raw() != 0);
    second.unlock();
    EXPECT(!second.is_locked() && first.is_held());
    EXPECT_EQ(arch::this_cpu_read(held_ranks), u64{1} << int(LockRank::Pipe));
    first.unlock();
    EXPECT_EQ(arch::this_cpu_read(held_ranks), 0u);
}
