// Calls between processors.
#include "core/irq/test_line.h"

namespace {

using namespace irq_test;

struct Calls {
    std::atomic<u64> cpus{0};
    std::atomic<u32> count{0}, in_interrupt{0};
};
void note(void* context) {
    auto* const calls = static_cast<Calls*>(context);
    calls->cpus.fetch_or(u64{1} << cpu_id());
    calls->in_interrupt += in_interrupt();
    calls->count++;
}

TEST(call_single, "core.irq.ipi.single") {
    PreemptGuard stay;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        Calls calls;
        EXPECT(smp_call_function_single(cpu, note, &calls, CallWait::Yes).ok());
        EXPECT_EQ(calls.cpus.load(), u64{1} << cpu);
        EXPECT_EQ(calls.in_interrupt.load(), cpu == cpu_id() ? 0u : 1u);
    });
    Calls calls;
    for (unsigned cpu : {kMaxCpus - 1, kMaxCpus}) {
        const Result<void> result = smp_call_function_single(cpu, note, &calls, CallWait::Yes);
        EXPECT(!result.ok() && result.error() == ENXIO);
    }
}

TEST(call_many, "core.irq.ipi.many") {
    PreemptGuard stay;
    const u64 others = online_cpus.bits() & ~(u64{1} << cpu_id());
    Calls calls;
    smp_call_function_many(~u64{0}, note, &calls, CallWait::Yes);
    EXPECT_EQ(calls.cpus.load(), others);
    Calls all;
    on_each_cpu(note, &all);
    EXPECT_EQ(all.cpus.load(), online_cpus.bits());
    static Calls later;  // nobody waits for it
    const u32 wanted = later.count.load() + 3 * CpuMask(others).count();
    for (int i = 0; i < 3; i++) smp_call_function_many(others, note, &later, CallWait::No);
    EXPECT(reaches(later.count, wanted));
    settle();
    EXPECT_EQ(later.count.load(), wanted);
}

TEST(call_async, "core.irq.ipi.async") {
    PreemptGuard stay;
    static Calls calls;
    static constinit irq::CallSingle call;
    call.function = note;
    call.argument = &calls;
    u32 wanted = calls.count.load();
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        EXPECT(smp_call_function_single_async(cpu, call).ok());
        EXPECT(reaches(calls.count, ++wanted));
        EXPECT(!call.is_busy());  // given back before the function ran
    });
    call.state = irq::CallSingle::kAsync;
    const Result<void> busy = smp_call_function_single_async(cpu_id(), call);
    EXPECT(!busy.ok() && busy.error() == EBUSY);
    call.state = irq::CallSingle::kFree;
}

/// Two processors with interrupts off that want something of each other.
struct Duel {
    unsigned cpus[2];
    std::atomic<u32> ready{0}, answered{0};
};
void count_answer(void* duel) { static_cast<Duel*>(duel)->answered++; }
void meet(Duel& duel, unsigned other) {
    duel.ready++;
    while (duel.ready.load() < 2) arch::cpu_relax();
    for (int i = 0; i < 10; i++) irq::call_on_cpus(u64{1} << other, count_answer, &duel);
}
void answer_duel(void* context) {
    auto* const duel = static_cast<Duel*>(context);
    meet(*duel, duel->cpus[0]);  // in interrupt context: interrupts are off
}

TEST(call_with_irqs_off, "core.irq.ipi.irqs_off") {
    if (online_cpus.count() < 2) return;
    static Duel duel;
    IrqOffGuard irqs_off;
    duel.ready = duel.answered = 0;
    duel.cpus[0] = cpu_id();
    duel.cpus[1] = cpu_id() == 0 ? 1 : 0;
    smp_call_function_many(u64{1} << duel.cpus[1], answer_duel, &duel, CallWait::No);
    meet(duel, duel.cpus[1]);
    while (duel.answered.load() < 20) {
        irq::call_on_cpus(
            u64{1} << duel.cpus[1], [](void*) {}, nullptr);  // answers while it waits
    }
    EXPECT_EQ(duel.answered.load(), 20u);
}

}  // namespace
