// call_rcu(), and calling back.
//
// Callbacks stay on the processor that queued them, so queueing takes no lock and touches no shared
// line. That processor moves them on at its ticks, which it has as long as it runs anything; one
// that goes idle does it first, and is woken when the grace period is over. Only then: sleeping
// processors without callbacks are left alone.

#include "core/rcu/callbacks.h"

#include "core/irq/ipi.h"
#include "core/irq/irq.h"
#include "core/lock/spin_lock.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/context_tracking.h"
#include "core/rcu/quiescent.h"
#include "core/rcu/rcu_trace.h"
#include "core/rcu/state.h"
#include "core/softirq/softirq.h"

namespace rcu {

namespace {

/// One round of calling back takes at least this many, and this part of what waits: a queue that
/// grows is worked off faster, and no other softirq waits long for a short one.
constexpr u64 kBatch = 32;
constexpr u64 kBatchPart = 4;
/// From here on memory matters more than latency: all of it.
constexpr u64 kTooMany = 10'000;

struct Callbacks {
    CallbackQueue queue;
    u64 called = 0;  // ever
};
PER_CPU Callbacks callbacks{};

u64 batch_size(u64 length) {
    if (length > kTooMany) return length;
    return length / kBatchPart > kBatch ? length / kBatchPart : kBatch;
}

bool have_work() { return this_cpu(callbacks).queue.has_work(sequence()); }

/// Moves on what can; interrupts are off. A new grace period is requested if one is needed.
void advance(CallbackQueue& queue) {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // what was unlinked comes before the look
    if (queue.advance(sequence())) request(queue.wanted());
}

RcuHead* next_done() {
    IrqOffGuard guard;
    return this_cpu(callbacks).queue.pop_done();
}

void note_called() {
    IrqOffGuard guard;
    Callbacks& mine = this_cpu(callbacks);
    mine.queue.note_called();
    mine.called++;
}

/// False if none is left that is ready.
bool call_batch() {
    for (u64 left = batch_size(this_cpu(callbacks).queue.length()); left > 0; left--) {
        RcuHead* const head = next_done();
        if (head == nullptr) return false;
        trace_invoke(*head);
        head->function(*head);
        note_called();
    }
    return true;
}

/// The softirq.
void run_callbacks() {
    {
        IrqOffGuard guard;
        advance(this_cpu(callbacks).queue);
    }
    if (call_batch()) softirq::raise(SoftIrq::Rcu);
}

}  // namespace

namespace {

/// This processor holds up a grace period, and was asked where it is.
void print_where() {
    std::atomic_ref<u32>(this_cpu(needs)).fetch_and(~u32{kNeedBacktrace});
    const arch::TrapFrame* const frame = irq::current_frame();
    if (frame == nullptr) return;
    printk(Level::Err, "rcu: CPU %u is here:", cpu_id());
    print_backtrace(reinterpret_cast<const u64*>(frame->rbp), frame->rip);
}

}  // namespace

void sched_clock_irq() {
    // What the tick interrupted had preemption and interrupts on: it was in no section.
    const bool was_quiescent = preempt_depth() == kHardirqOffset;
    if (was_quiescent) note_context_switch();
    if (arch::this_cpu_read(needs) & kNeedBacktrace) [[unlikely]] {
        print_where();
    }
    if (have_work()) softirq::raise_irqoff(SoftIrq::Rcu);
}

void prepare_idle() {
    if (!have_work()) return;
    BhGuard guard;  // its end runs what is raised
    softirq::raise(SoftIrq::Rcu);
}

void init() { softirq::open(SoftIrq::Rcu, run_callbacks); }

bool idle_must_stay_awake() { return have_work(); }

void wake_idle_with_callbacks(u64 number) {
    for_each_cpu(online_cpus, [number](unsigned cpu) {
        if (context::is_busy(context::snapshot(cpu))) return;  // it will see for itself
        if (per_cpu(callbacks, cpu).queue.is_due(number)) irq::send_reschedule(cpu);
    });
}

u64 queued_callbacks(unsigned cpu) { return per_cpu(callbacks, cpu).queue.length(); }
u64 called_callbacks(unsigned cpu) { return per_cpu(callbacks, cpu).called; }

}  // namespace rcu

void call_rcu(RcuHead& head, void (*function)(RcuHead& head)) {
    head.function = function;
    IrqOffGuard guard;
    rcu::CallbackQueue& queue = this_cpu(rcu::callbacks).queue;
    queue.push(head);
    rcu::trace_callback(head, queue.length());
}
