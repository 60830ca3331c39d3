// Every misuse that the validator knows, planted and caught. Each test has locks of its own, since
// what the validator has learnt stays, and a thread that misbehaves ends with its locks taken.

#include "core/lock/spin_lock.h"
#include "core/softirq/bottom_half.h"
#include "core/user/user_ptr.h"
#include "core/validator/report.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/lock/completion.h"
#include "sched/lock/rwsem.h"
#include "sched/mutex.h"
#include "sched/sched.h"

namespace lockval {

namespace {

struct Planted : Catcher {
    void (*misbehave)() = nullptr;
    sched::Completion ended;
};

/// A thread that was caught on its last way is buried already.
void end_planted(Catcher& catcher) {
    const bool is_dying = sched::current().state.load() == sched::kZombie;
    static_cast<Planted&>(catcher).ended.complete();
    if (is_dying) sched::do_task_dead();
    sched::kthread_exit(0);
}

/// What the validator says to `misbehave`, run by a thread of its own.
Misuse report_of(void (*misbehave)()) {
    static constinit Planted planted;
    planted.report = {};
    planted.end_thread = end_planted;
    planted.misbehave = misbehave;
    auto run = [](void*) {
        catch_reports(&planted);
        planted.misbehave();
        catch_reports(nullptr);
        planted.ended.complete();
    };
    (void)sched::kthread_run(run, nullptr, "planted").take();
    planted.ended.wait();
    if (planted.report.misuse != Misuse::None) print(planted.report);
    return planted.report.misuse;
}

}  // namespace

TEST(opposite_orders, "lock.validator.abba") {
    static constinit sched::Mutex a("planted_a"), b("planted_b");
    EXPECT(report_of([] {
               sched::MutexGuard outer(a);
               sched::MutexGuard inner(b);
           }) == Misuse::None);
    EXPECT(report_of([] {
               sched::MutexGuard outer(b);
               sched::MutexGuard inner(a);
           }) == Misuse::Order);
}

// Three locks, three orders of two: no two of them contradict each other.
TEST(circle_of_three, "lock.validator.circle") {
    static constinit sched::Mutex a("circle_a"), c("circle_c");
    static constinit sched::RwSemaphore b("circle_b");
    EXPECT(report_of([] {
               sched::MutexGuard outer(a);
               sched::ReadGuard inner(b);
           }) == Misuse::None);
    EXPECT(report_of([] {
               sched::WriteGuard outer(b);
               sched::MutexGuard inner(c);
           }) == Misuse::None);
    EXPECT(report_of([] {
               sched::MutexGuard outer(c);
               sched::MutexGuard inner(a);
           }) == Misuse::Order);
}

TEST(taken_twice, "lock.validator.twice") {
    static constinit sched::Mutex mutex("planted_twice");
    static constinit SpinLock spin("planted_spin_twice", LockRank::Pipe);
    auto mutex_twice = []() NO_LOCK_ANALYSIS {
        mutex.lock();
        mutex.lock();
    };
    auto spin_twice = []() NO_LOCK_ANALYSIS {
        IrqGuard outer(spin);
        spin.lock();
    };
    EXPECT(report_of(mutex_twice) == Misuse::Twice);
    EXPECT(report_of(spin_twice) == Misuse::Twice);
}

TEST(two_of_a_class, "lock.validator.nested") {
    static constinit sched::Mutex a("planted_class"), b("planted_class");
    EXPECT(report_of([]() NO_LOCK_ANALYSIS {
               sched::MutexGuard outer(a);
               sched::MutexGuard inner(b, 1);
           }) == Misuse::None);
    EXPECT(report_of([] {
               sched::MutexGuard outer(a);
               sched::MutexGuard inner(b);
           }) == Misuse::Twice);
}

TEST(sleeps_in_atomic, "lock.validator.sleep") {
    static constinit sched::Mutex mutex("planted_sleep");
    static constinit SpinLock spin("planted_atomic", LockRank::Pipe);
    EXPECT(report_of([] {
               IrqGuard guard(spin);
               sched::MutexGuard inner(mutex);
           }) == Misuse::Sleep);
    EXPECT(report_of([] {
               PreemptGuard guard;
               sched::MutexGuard inner(mutex);
           }) == Misuse::Sleep);
    EXPECT(report_of([] {
               IrqOffGuard guard;
               sched::schedule();
           }) == Misuse::Sleep);
}

TEST(copies_in_atomic, "lock.validator.user_copy") {
    static constinit SpinLock spin("planted_copy", LockRank::Pipe);
    EXPECT(report_of([] {
               IrqGuard guard(spin);
               u64 word;
               (void)copy_from_user(&word, VirtAddr(0x1000), sizeof word).ok();
           }) == Misuse::Sleep);
}

TEST(unlocks_of_others, "lock.validator.not_held") {
    static constinit sched::Mutex mutex("planted_owner");
    static constinit SpinLock spin("planted_free", LockRank::Pipe);
    static constinit sched::RwSemaphore sem("planted_rwsem");
    sched::MutexGuard guard(mutex);
    EXPECT(report_of([]() NO_LOCK_ANALYSIS { mutex.unlock(); }) == Misuse::NotHeld);
    EXPECT(report_of([]() NO_LOCK_ANALYSIS { spin.unlock(); }) == Misuse::NotHeld);
    EXPECT(report_of([]() NO_LOCK_ANALYSIS { sem.up_read(); }) == Misuse::NotHeld);
    EXPECT(report_of([]() NO_LOCK_ANALYSIS { sem.up_write(); }) == Misuse::NotHeld);
}

TEST(forgotten_locks, "lock.validator.leak") {
    static constinit sched::Mutex mutex("planted_leak");
    EXPECT(report_of([]() NO_LOCK_ANALYSIS {
               mutex.lock();
               expect_none_held("still held on the way to user mode");
           }) == Misuse::Leak);
}

TEST(against_the_ranks, "lock.validator.rank") {
    static constinit SpinLock inner("planted_inner", LockRank::Console);
    static constinit SpinLock outer("planted_outer", LockRank::Pipe);
    EXPECT(report_of([] {
               IrqGuard first(inner);
               IrqGuard second(outer);
           }) == Misuse::Rank);
}

namespace {

constinit SpinLock from_irq("planted_irq", LockRank::Tasks);

/// As an interrupt handler would.
void take_as_interrupt(SpinLock& lock) {
    IrqOffGuard irqs;
    arch::this_cpu_add(preempt_count, kHardirqOffset);
    { IrqGuard guard(lock); }
    arch::this_cpu_add(preempt_count, -kHardirqOffset);
}

}  // namespace

TEST(held_with_interrupts_on, "lock.validator.irq_unsafe") {
    EXPECT(report_of([] { take_as_interrupt(from_irq); }) == Misuse::None);
    EXPECT(report_of([] { IrqGuard guard(from_irq); }) == Misuse::None);
    EXPECT(report_of([] { SpinGuard guard(from_irq); }) == Misuse::IrqUnsafe);
}

namespace {

constinit SpinLock from_softirq("planted_softirq", LockRank::Tasks);

/// As a softirq would; with softirqs disabled first, so that none of the kernel's own comes
/// between.
void take_as_softirq(SpinLock& lock) {
    BhGuard none;
    arch::this_cpu_add(preempt_count, kSoftirqOffset);
    { SpinGuard guard(lock); }
    arch::this_cpu_add(preempt_count, -kSoftirqOffset);
}

}  // namespace

TEST(held_with_softirqs_on, "lock.validator.softirq_unsafe") {
    EXPECT(report_of([] { take_as_softirq(from_softirq); }) == Misuse::None);
    EXPECT(report_of([] {
               BhGuard none;
               SpinGuard guard(from_softirq);
           }) == Misuse::None);
    EXPECT(report_of([] { IrqGuard guard(from_softirq); }) == Misuse::None);
    EXPECT(report_of([] { SpinGuard guard(from_softirq); }) == Misuse::SoftirqUnsafe);
}

TEST(unsafe_within_softirq_safe, "lock.validator.softirq_inversion") {
    static constinit SpinLock safe("planted_bh_safe", LockRank::Pipe);
    static constinit SpinLock unsafe("planted_bh_unsafe", LockRank::PageCache);
    EXPECT(report_of([] { take_as_softirq(safe); }) == Misuse::None);
    EXPECT(report_of([] { SpinGuard guard(unsafe); }) == Misuse::None);
    EXPECT(report_of([] {
               BhGuard none;
               SpinGuard outer(safe);
               SpinGuard inner(unsafe);
           }) == Misuse::SoftirqUnsafe);
}

// What a thread holds when it ends, nobody will ever give back.
TEST(locks_of_the_dead, "lock.validator.leak_at_exit") {
    static constinit sched::Mutex mutex("planted_grave");
    EXPECT(report_of([]() NO_LOCK_ANALYSIS {
               mutex.lock();
               sched::kthread_exit(0);
           }) == Misuse::Leak);
}

// The inner lock is held with interrupts on somewhere; around it somebody holds one that handlers
// take: the handler may wait for that, which waits for the inner one.
TEST(unsafe_within_safe, "lock.validator.irq_inversion") {
    static constinit SpinLock safe("planted_safe", LockRank::Pipe);
    static constinit SpinLock unsafe("planted_unsafe", LockRank::PageCache);
    EXPECT(report_of([] { take_as_interrupt(safe); }) == Misuse::None);
    EXPECT(report_of([] { SpinGuard guard(unsafe); }) == Misuse::None);
    EXPECT(report_of([] {
               IrqGuard outer(safe);
               IrqGuard inner(unsafe);
           }) == Misuse::IrqUnsafe);
}

}  // namespace lockval
