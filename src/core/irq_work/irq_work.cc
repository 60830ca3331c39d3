// See irq_work.h. Each processor has two lists, newest first, that need no lock: any context of
// this or another processor pushes, and the processor itself takes all.

#include "core/irq_work/irq_work.h"

#include "arch/apic.h"
#include "arch/vectors.h"
#include "core/irq/ipi.h"
#include "core/irq/irq.h"
#include "core/lock/spin_lock.h"
#include "lib/assert.h"

struct IrqWorkList {
    std::atomic<IrqWork*> newest{nullptr};

    /// True if the list was empty.
    bool push(IrqWork& work) {
        IrqWork* before = newest.load(std::memory_order_relaxed);
        do {
            work.next_ = before;
        } while (!newest.compare_exchange_weak(before, &work, std::memory_order_acq_rel));
        return before == nullptr;
    }
    bool empty() const { return newest.load(std::memory_order_relaxed) == nullptr; }

    void run_all() {
        IrqWork* work = nullptr;  // oldest first
        for (IrqWork* at = newest.exchange(nullptr, std::memory_order_acq_rel); at != nullptr;) {
            IrqWork* const older = at->next_;
            at->next_ = work;
            work = at;
            at = older;
        }
        while (work != nullptr) {
            IrqWork* const next = work->next_;
            work->run();
            work = next;
        }
    }
};

namespace {

PER_CPU IrqWorkList urgent{};
PER_CPU IrqWorkList lazy{};
PER_CPU u32 tick_runs = 0;

void interrupt(arch::TrapFrame&) {
    this_cpu(urgent).run_all();
    // Lazy ones come with it: the tick may have stopped, and that is why we are here.
    this_cpu(lazy).run_all();
}

}  // namespace

/// The caller is the one who puts it on a list.
bool IrqWork::claim() {
    return !(state_.fetch_or(kPending | kBusy, std::memory_order_acq_rel) & kPending);
}

void IrqWork::run() {
    // Not pending any more before the function runs: who queues it from now on has news for it.
    state_.fetch_and(~u32{kPending}, std::memory_order_acq_rel);
    function_(*this);
    u32 expected = kBusy;  // unless it has been queued again
    state_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel);
}

bool IrqWork::queue() {
    if (!claim()) return false;
    PreemptGuard stay;
    const bool waits_for_tick = lazy_ && arch::this_cpu_read(tick_runs) != 0;
    const bool is_first = this_cpu(lazy_ ? lazy : urgent).push(*this);
    if (is_first && !waits_for_tick) arch::apic_send_self(arch::kIrqWorkVector);
    return true;
}

bool IrqWork::queue_on(unsigned cpu) {
    ASSERT(online_cpus.has(cpu));
    if (!claim()) return false;
    if (per_cpu(urgent, cpu).push(*this)) irq::send_vector(cpu, arch::kIrqWorkVector);
    return true;
}

void IrqWork::sync() const {
    ASSERT(arch::irqs_on() && !in_hardirq());
    while (is_busy()) arch::cpu_relax();
}

void irq_work::tick() {
    if (!this_cpu(lazy).empty()) this_cpu(lazy).run_all();
}

void irq_work::note_tick_stops() {
    arch::this_cpu_write(tick_runs, 0u);
    if (!this_cpu(lazy).empty()) arch::apic_send_self(arch::kIrqWorkVector);
}

void irq_work::note_tick_goes_on() { arch::this_cpu_write(tick_runs, 1u); }

void irq_work::init() {
    irq::set_vector_handler(arch::kIrqWorkVector, interrupt, "IRQ work interrupts");
}
