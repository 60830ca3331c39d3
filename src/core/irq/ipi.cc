// See ipi.h.

#include "core/irq/ipi.h"

#include "arch/apic.h"
#include "arch/clock.h"
#include "core/irq/irq.h"
#include "core/lock/spin_lock.h"

namespace irq {

namespace {

PER_CPU u32 my_apic_id = 0;
PER_CPU u32 tlb_count = 0;
PER_CPU std::atomic<CallSingle*> call_queue{nullptr};  // newest first

/// What this processor has asked of each other one.
struct OwnCalls {
    CallSingle to[kMaxCpus];
};
PER_CPU OwnCalls own_calls{};

/// Oldest first.
CallSingle* reversed(CallSingle* list) {
    CallSingle* turned = nullptr;
    while (list != nullptr) {
        CallSingle* const next = list->next;
        list->next = turned;
        turned = list;
        list = next;
    }
    return turned;
}

/// A caller that does not wait gets its CallSingle back before the function runs.
void run_call(CallSingle& call) {
    const CallFn function = call.function;
    void* const argument = call.argument;
    const bool someone_waits = call.state.load(std::memory_order_relaxed) == CallSingle::kSync;
    if (!someone_waits) call.state.store(CallSingle::kFree, std::memory_order_release);
    function(argument);
    if (someone_waits) call.state.store(CallSingle::kFree, std::memory_order_release);
}

/// Runs what other processors ask of this one. Interrupts are off.
void answer_calls() {
    CallSingle* list = this_cpu(call_queue).exchange(nullptr, std::memory_order_acquire);
    for (CallSingle* call = reversed(list); call != nullptr;) {
        CallSingle* const next = call->next;  // read before somebody else may have it
        run_call(*call);
        call = next;
    }
}

void wait_until_free(const CallSingle& call) {
    while (call.is_busy()) {
        if (!arch::irqs_on()) answer_calls();
        arch::cpu_relax();
    }
}

void enqueue(unsigned cpu, CallSingle& call) {
    std::atomic<CallSingle*>& queue = per_cpu(call_queue, cpu);
    CallSingle* head = queue.load(std::memory_order_relaxed);
    do {
        call.next = head;
    } while (!queue.compare_exchange_weak(head, &call, std::memory_order_acq_rel));
    if (head == nullptr) send_vector(cpu, arch::kCallVector);
}

/// Interrupts are off, so that none of ours can use the slot between taking it and sending it.
void send_call(unsigned cpu, CallFn function, void* argument, CallSingle::State state) {
    CallSingle& call = this_cpu(own_calls).to[cpu];
    wait_until_free(call);
    call.function = function;
    call.argument = argument;
    call.state.store(state, std::memory_order_relaxed);
    enqueue(cpu, call);
}

void call_interrupt(arch::TrapFrame&) { answer_calls(); }

/// Being interrupted is all it takes: the way out looks at need_resched, which this sets.
void reschedule_interrupt(arch::TrapFrame&) {
    arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) & ~kNoReschedNeeded);
}

void stop_interrupt(arch::TrapFrame&) {
    online_cpus.clear(cpu_id());
    for (;;) {
        arch::irq_disable();
        arch::halt();
    }
}

}  // namespace

void smp_call_function_many(u64 cpus, CallFn function, void* argument, CallWait wait) {
    PreemptGuard stay_here;
    cpus &= online_cpus.bits() & ~(u64{1} << cpu_id());
    if (cpus == 0) return;
    const bool waits = wait == CallWait::Yes;
    {
        IrqOffGuard irqs_off;
        for_each_cpu(CpuMask(cpus), [&](unsigned cpu) {
            send_call(cpu, function, argument, waits ? CallSingle::kSync : CallSingle::kAsync);
        });
    }
    if (!waits) return;
    for_each_cpu(CpuMask(cpus), [](unsigned cpu) { wait_until_free(this_cpu(own_calls).to[cpu]); });
}

Result<void> smp_call_function_single(unsigned cpu, CallFn function, void* argument,
                                      CallWait wait) {
    PreemptGuard stay_here;
    if (cpu >= kMaxCpus || !online_cpus.has(cpu)) return ENXIO;
    if (cpu == cpu_id()) {
        IrqOffGuard irqs_off;
        function(argument);
    } else {
        smp_call_function_many(u64{1} << cpu, function, argument, wait);
    }
    return {};
}

Result<void> smp_call_function_single_async(unsigned cpu, CallSingle& call) {
    PreemptGuard stay_here;
    if (cpu >= kMaxCpus || !online_cpus.has(cpu)) return ENXIO;
    u32 expected = CallSingle::kFree;
    if (!call.state.compare_exchange_strong(expected, CallSingle::kAsync)) return EBUSY;
    if (cpu == cpu_id()) {
        IrqOffGuard irqs_off;
        run_call(call);
    } else {
        enqueue(cpu, call);
    }
    return {};
}

void on_each_cpu(CallFn function, void* argument) {
    PreemptGuard stay_here;
    call_on_cpus(online_cpus.bits(), function, argument);
    IrqOffGuard irqs_off;
    function(argument);
}

void send_vector(unsigned cpu, unsigned vector) {
    arch::apic_send_ipi(per_cpu(my_apic_id, cpu), vector);
}

void send_reschedule(unsigned cpu) { send_vector(cpu, arch::kRescheduleVector); }

void stop_other_cpus() {
    const bool irqs = arch::irq_save();
    const u64 others = online_cpus.bits() & ~(u64{1} << cpu_id());
    for_each_cpu(CpuMask(others), [](unsigned cpu) { send_vector(cpu, arch::kStopVector); });
    constexpr unsigned kPatienceUs = 1'000'000, kStepUs = 10;
    for (unsigned us = 0; us < kPatienceUs && (online_cpus.bits() & others); us += kStepUs) {
        answer_calls();  // one of them may be waiting for us
        arch::delay_us(kStepUs);
    }
    arch::irq_restore(irqs);
}

void count_tlb_shootdown() { arch::this_cpu_add(tlb_count, 1); }
u32 tlb_shootdowns(unsigned cpu) { return per_cpu(tlb_count, cpu); }

void set_apic_id(unsigned cpu, u32 apic_id) { per_cpu(my_apic_id, cpu) = apic_id; }
u32 apic_id_of(unsigned cpu) { return per_cpu(my_apic_id, cpu); }

void init_ipis() {
    set_vector_handler(arch::kCallVector, call_interrupt, "Function call interrupts");
    set_vector_handler(arch::kRescheduleVector, reschedule_interrupt, "Rescheduling interrupts");
    set_vector_handler(arch::kStopVector, stop_interrupt, "Stop interrupts");
}

}  // namespace irq

void upcall::stop_other_cpus() {
    for_each_cpu(online_cpus, [](unsigned cpu) {
        if (cpu != cpu_id()) arch::apic_send_nmi(per_cpu(irq::my_apic_id, cpu));
    });
}
