// See softirq.h: raising, counting, and calling a single action. The loop itself: softirq.cc.

#include <utility>

#include "arch/clock.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/softirq/internal.h"
#include "core/softirq/softirq.h"
#include "core/softirq/softirq_trace.h"
#include "lib/assert.h"

namespace softirq {

PER_CPU u32 pending_mask = 0;
void (*wake_ksoftirqd)() = nullptr;

namespace {

constexpr const char* kNames[kCount] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                        "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};
constexpr unsigned kMaxPasses = 10;
constexpr u64 kMaxMs = 2;

constinit Action actions[kCount]{};

struct Counts {
    u32 runs[kCount];
    u64 ticks;  // of the time stamp counter, spent here
};
PER_CPU Counts counts{};

}  // namespace

PER_CPU u64 ticks_of_interrupts = 0;

namespace {

void report_leak(unsigned number, u32 before, u32 after) {
    const Symbol action = find_symbol(reinterpret_cast<u64>(actions[number]));
    printk(Level::Err, "softirq %s: %s began with preempt_count %#x and left %#x", kNames[number],
           action.name, before, after);
    arch::this_cpu_add(preempt_count, before - after);
}

}  // namespace

Serving::Serving() : begin_(arch::rdtsc()) {
    arch::this_cpu_write(ticks_of_interrupts, u64{0});
    arch::this_cpu_add(preempt_count, kSoftirqOffset);
    arch::barrier();
}

Serving::~Serving() {
    arch::barrier();
    arch::this_cpu_add(preempt_count, -kSoftirqOffset);
    this_cpu(counts).ticks += arch::rdtsc() - begin_ - arch::this_cpu_read(ticks_of_interrupts);
}

Budget::Budget() : deadline_(arch::rdtsc() + kMaxMs * arch::tsc_khz()), passes_left_(kMaxPasses) {}

bool Budget::allows_another_pass() {
    return --passes_left_ > 0 && i64(deadline_ - arch::rdtsc()) > 0 && !need_resched();
}

u32 take_pending() {
    const u32 raised = pending();
    arch::this_cpu_write(pending_mask, 0u);
    return raised;
}

void run_action(unsigned number) {
    const u32 before = preempt_depth();
    this_cpu(counts).runs[number]++;
    trace::point(SoftirqEntry{.vec = number});
    if (actions[number] != nullptr) actions[number]();
    trace::point(SoftirqExit{.vec = number});
    if (preempt_depth() != before) [[unlikely]] {
        report_leak(number, before, preempt_depth());
    }
}

void call_ksoftirqd() {
    if (wake_ksoftirqd != nullptr) wake_ksoftirqd();
}

Action exchange_action(unsigned number, Action action) {
    return std::exchange(actions[number], action);
}

void open(SoftIrq number, void (*action)()) { exchange_action(unsigned(number), action); }

void raise_irqoff(SoftIrq number) {
    arch::this_cpu_write(pending_mask, pending() | 1u << unsigned(number));
    trace::point(SoftirqRaise{.vec = unsigned(number)});
    // Inside an interrupt, a softirq or local_bh_disable(), its end will look. Otherwise nobody
    // would before the next interrupt.
    if (!in_interrupt()) call_ksoftirqd();
}

void raise(SoftIrq number) {
    const bool irqs_were_on = arch::irq_save();
    raise_irqoff(number);
    arch::irq_restore(irqs_were_on);
}

const char* name(unsigned number) { return kNames[number]; }
u64 count(unsigned number, unsigned cpu) { return per_cpu(counts, cpu).runs[number]; }

u64 time_ns(unsigned cpu) {
    const u64 khz = arch::tsc_khz();
    const u64 ticks = per_cpu(counts, cpu).ticks;
    return khz == 0 ? 0 : ticks / khz * 1'000'000 + ticks % khz * 1'000'000 / khz;
}

}  // namespace softirq

void local_bh_enable() {
    arch::barrier();
    // Preemption stays off until the end: else what is pending here might be looked for elsewhere.
    arch::this_cpu_add(preempt_count, kPreemptOffset - kSoftirqDisableOffset);
    if (softirq::pending() != 0 && !in_interrupt()) [[unlikely]] {
        ASSERT(arch::irqs_on());
        arch::irq_disable();
        if (softirq::pending() != 0) softirq::run_pending();
        arch::irq_enable();
    }
    preempt_enable();
}
