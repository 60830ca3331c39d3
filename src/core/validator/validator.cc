// What the validator does when a lock is taken or released. See README.md.
//
// Everything runs with interrupts off, so a task's list of locks is changed by one context at a
// time; it is never looked at from another processor.

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/lock/spin_lock.h"
#include "core/percpu/preempt.h"
#include "core/validator/graph.h"

namespace lockval {

namespace {

PER_CPU TaskLocksChecked* current_locks = nullptr;

/// Tasks take turns. Before that whoever boots is alone, with interrupts off, and never has to
/// wait.
constinit std::atomic<bool> tasks_run{false};

u8 level_now() {
    if (in_hardirq() || in_nmi()) return 2;
    return in_serving_softirq() ? 1 : 0;
}

u8 usage_now(Mode mode, bool irqs_on) {
    u8 bits = 0;
    if (in_hardirq()) {
        bits = kInHardirq;
    } else if (in_serving_softirq()) {
        bits = kInSoftirq | (irqs_on ? kHardirqsOn : 0);
    } else if (irqs_on) {
        bits = kHardirqsOn | (in_softirq() ? 0 : kSoftirqsOn);
    }
    return u8(mode == Mode::Shared ? bits << 4 : bits);
}

/// A wait for one that is held by the same context, or of its class.
bool is_twice(const HeldLock& held, const Taking& taking, u16 klass, u8 level) {
    if (held.lock == taking.lock) {
        // Reading in an interrupt what the task reads already is what fair locks allow for.
        const bool both_read = held.mode == Mode::Shared && taking.mode == Mode::Shared;
        return !(both_read && level > held.level);
    }
    return held.klass == klass && held.level == level;
}

void check_against_held(const TaskLocksChecked& locks, const Taking& taking, u16 klass,
                        Report& report) {
    const u8 level = level_now();
    for (u32 i = 0; i < locks.count && report.misuse == Misuse::None; i++) {
        const HeldLock& held = locks.held[i];
        if (is_twice(held, taking, klass, level)) {
            report.misuse = Misuse::Twice;
            report.what = held.lock == taking.lock ? "taken twice" : "two of a class at once";
            report.lock = taking.name;
            for (usize n = 0; n < kTraceDepth; n++) report.before[n] = held.trace[n];
        } else if (held.level == level) {
            add_edge(held.klass, klass, report);
        } else {
            // We interrupted it while it was held: interrupts were on.
            const u8 on = level == 2 ? kHardirqsOn : kSoftirqsOn;
            add_usage(held.klass, u8(held.mode == Mode::Shared ? on << 4 : on), report);
        }
    }
}

void push(TaskLocksChecked& locks, const Taking& taking, u16 klass, const Trace& trace) {
    if (locks.count == TaskLocksChecked::kMax) return;
    HeldLock& held = locks.held[locks.count++];
    held.lock = taking.lock;
    held.klass = klass;
    held.mode = taking.mode;
    held.level = level_now();
    held.since_ns = arch::clock_ns();
    for (usize i = 0; i < kTraceDepth; i++) held.trace[i] = trace[i];
    note_chain(locks);
}

/// The index of the last taking of `lock`, or -1.
int find_held(const TaskLocksChecked& locks, const void* lock) {
    for (int i = int(locks.count) - 1; i >= 0; i--) {
        if (locks.held[i].lock == lock) return i;
    }
    return -1;
}

void pop(TaskLocksChecked& locks, int index) {
    locks.count--;
    for (u32 i = u32(index); i < locks.count; i++) locks.held[i] = locks.held[i + 1];
}

}  // namespace

TaskLocksChecked* task_locks() { return arch::this_cpu_read(current_locks); }

void check_taking(const Taking& taking) {
    if (!is_on() || task_locks() == nullptr) return;
    const bool irqs_were_on = arch::irq_save();
    TaskLocksChecked& locks = *task_locks();
    Report report;
    capture(report.now);
    lock_stat::Class* const found =
        lock_stat::find_class(taking.name, taking.kind, taking.subclass);
    if (found != nullptr) {
        const u16 klass = u16(found - lock_stat::classes().data());
        if (taking.wait == Wait::Waits) {
            check_against_held(locks, taking, klass, report);
        }
        if (report.misuse == Misuse::None) {
            report.lock = taking.name;
            add_usage(klass, usage_now(taking.mode, irqs_were_on), report);
        }
        found->acquisitions.fetch_add(1, std::memory_order_relaxed);
        if (report.misuse == Misuse::None) push(locks, taking, klass, report.now);
    }
    if (report.misuse != Misuse::None) deliver(report);
    arch::irq_restore(irqs_were_on);
}

void note_taken(const void* lock) {
    if (!is_on() || task_locks() == nullptr) return;
    const bool irqs_were_on = arch::irq_save();
    TaskLocksChecked& locks = *task_locks();
    if (const int at = find_held(locks, lock); at >= 0) locks.held[at].since_ns = arch::clock_ns();
    arch::irq_restore(irqs_were_on);
}

void forget(const void* lock) {
    if (!is_on() || task_locks() == nullptr) return;
    const bool irqs_were_on = arch::irq_save();
    TaskLocksChecked& locks = *task_locks();
    if (const int at = find_held(locks, lock); at >= 0) pop(locks, at);
    arch::irq_restore(irqs_were_on);
}

void check_release(const void* lock, const char* name) {
    if (!is_on() || task_locks() == nullptr) return;
    const bool irqs_were_on = arch::irq_save();
    TaskLocksChecked& locks = *task_locks();
    const int at = find_held(locks, lock);
    if (at >= 0) {
        const HeldLock& held = locks.held[at];
        lock_stat::classes()[held.klass].hold.add(arch::clock_ns() - held.since_ns);
        pop(locks, at);
    } else if (locks.count < TaskLocksChecked::kMax) {
        Report report{.misuse = Misuse::NotHeld, .what = "released, but not held", .lock = name};
        capture(report.now);
        deliver(report);
    }
    arch::irq_restore(irqs_were_on);
}

void check_may_sleep(const char* what) {
    const TaskLocksChecked* const locks = task_locks();
    if (!is_on() || locks == nullptr || !tasks_run.load(std::memory_order_relaxed)) return;
    if (may_sleep() && arch::this_cpu_read(held_ranks) == 0) return;
    Report report{.misuse = Misuse::Sleep, .what = "sleeping where one may not", .lock = what};
    capture(report.now);
    if (locks->count > 0) {
        const HeldLock& last = locks->held[locks->count - 1];
        report.other = lock_stat::classes()[last.klass].name.load();
        for (usize i = 0; i < kTraceDepth; i++) report.before[i] = last.trace[i];
    }
    deliver(report);
}

void check_none_held(const char* when) {
    const TaskLocksChecked* const locks = task_locks();
    if (!is_on() || locks == nullptr || locks->count == 0) return;
    const HeldLock& last = locks->held[locks->count - 1];
    Report report{
        .misuse = Misuse::Leak, .what = when, .lock = lock_stat::classes()[last.klass].name.load()};
    capture(report.now);
    for (usize i = 0; i < kTraceDepth; i++) report.before[i] = last.trace[i];
    deliver(report);
}

void switch_tasks(TaskLocksChecked* from, TaskLocksChecked& to) {
    // The locks of the scheduler, which the new task will release.
    for (u32 i = 0; from != nullptr && i < from->count; i++) {
        const HeldLock& held = from->held[i];
        if (lock_stat::classes()[held.klass].kind != Kind::Spin) continue;
        if (to.count < TaskLocksChecked::kMax) to.held[to.count++] = held;
        pop(*from, int(i--));
    }
    if (from != nullptr) tasks_run.store(true, std::memory_order_relaxed);
    arch::this_cpu_write(current_locks, &to);
}

}  // namespace lockval
