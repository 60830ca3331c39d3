// One outstanding call per caller: the caller's request stands in its own per-CPU slot, and each
// target has one bit per caller that says "look there".

#include "core/irq/ipi.h"

#include "arch/apic.h"
#include "core/irq/irq.h"
#include "core/percpu/preempt.h"

namespace irq {

namespace {

struct CallRequest {
    void (*function)(void*) = nullptr;
    void* argument = nullptr;
    std::atomic<u64> pending{0};  // processors that have yet to run it
};
PER_CPU CallRequest request{};
PER_CPU std::atomic<u64> callers{0};  // bit n: processor n has a request for us
PER_CPU u32 my_apic_id = 0;

/// Runs what other processors ask of this one. Interrupts are off.
void answer_calls() {
    std::atomic<u64>& mine = this_cpu(callers);
    u64 bits = mine.exchange(0, std::memory_order_acquire);
    for (; bits != 0; bits &= bits - 1) {
        CallRequest& call = per_cpu(request, unsigned(__builtin_ctzll(bits)));
        call.function(call.argument);
        call.pending.fetch_and(~(u64{1} << cpu_id()), std::memory_order_release);
    }
}

void call_interrupt(arch::TrapFrame&) { answer_calls(); }

/// Being interrupted is all it takes: the way out looks at need_resched, which this sets.
void reschedule_interrupt(arch::TrapFrame&) {
    arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) & ~kNoReschedNeeded);
}

}  // namespace

void call_on_cpus(u64 cpus, void (*function)(void*), void* argument) {
    const bool irqs = arch::irq_save();
    cpus &= online_cpus.bits() & ~(u64{1} << cpu_id());
    if (cpus != 0) {
        CallRequest& mine = this_cpu(request);
        mine.function = function;
        mine.argument = argument;
        mine.pending.store(cpus, std::memory_order_release);
        const u64 me = u64{1} << cpu_id();
        for_each_cpu(CpuMask(cpus), [&](unsigned cpu) {
            per_cpu(callers, cpu).fetch_or(me, std::memory_order_release);
            arch::apic_send_ipi(per_cpu(my_apic_id, cpu), arch::kCallVector);
        });
        while (mine.pending.load(std::memory_order_acquire) != 0) {
            answer_calls();
            arch::cpu_relax();
        }
    }
    arch::irq_restore(irqs);
}

void send_reschedule(unsigned cpu) {
    arch::apic_send_ipi(per_cpu(my_apic_id, cpu), arch::kRescheduleVector);
}

void set_apic_id(unsigned cpu, u32 apic_id) { per_cpu(my_apic_id, cpu) = apic_id; }

void init_ipis() {
    set_vector_handler(arch::kCallVector, call_interrupt, "Function call interrupts");
    set_vector_handler(arch::kRescheduleVector, reschedule_interrupt, "Rescheduling interrupts");
}

}  // namespace irq

void upcall::stop_other_cpus() {
    for_each_cpu(online_cpus, [](unsigned cpu) {
        if (cpu != cpu_id()) arch::apic_send_nmi(per_cpu(irq::my_apic_id, cpu));
    });
}
