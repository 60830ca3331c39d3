// See state.h and quiescent.h.
//
// Why nothing is freed too early. The writer has unlinked; then the thread sets the mask, asks the
// processors with sequentially consistent writes, and reads their counters. A processor that
// answers has finished the sections that began before (program order, then the release of its
// bit); one that begins a section after it answered has seen the question, and so the unlinking,
// which came before it. An idle one has counted up with a full barrier after its last section and
// counts up with another before the next: if its counter was read even, what it reads next it
// reads after the unlinking.

#include "core/rcu/state.h"

#include "core/irq/ipi.h"
#include "core/percpu/context_tracking.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "core/rcu/callbacks.h"
#include "core/rcu/quiescent.h"
#include "core/rcu/rcu_trace.h"
#include "core/rcu/sequence.h"

namespace rcu {

constinit Waiting normal, expedited;
void (*wake_thread)() = nullptr;
PER_CPU u32 needs = 0;

namespace {

constinit std::atomic<u64> gp_sequence{0};
constinit std::atomic<u64> gp_wanted{0};
constinit u64 counter_at_begin[kMaxCpus] = {};  // of the thread

constexpr u64 bit(unsigned cpu) { return u64{1} << cpu; }

}  // namespace

u64 sequence() { return gp_sequence.load(std::memory_order_seq_cst); }
u64 wanted() { return gp_wanted.load(std::memory_order_seq_cst); }

void request(u64 sequence) {
    u64 seen = gp_wanted.load(std::memory_order_relaxed);
    while (!is_reached(seen, sequence)) {
        if (!gp_wanted.compare_exchange_weak(seen, sequence, std::memory_order_seq_cst)) continue;
        if (wake_thread != nullptr) wake_thread();
        return;
    }
}

void ask(unsigned cpu, Need need) {
    std::atomic_ref<u32>(per_cpu(needs, cpu)).fetch_or(need, std::memory_order_seq_cst);
}

void clear_waiting(Waiting& waiting, u64 cpus) {
    const u64 before = waiting.cpus.fetch_and(~cpus, std::memory_order_seq_cst);
    if ((before & cpus) != 0 && (before & ~cpus) == 0 && waiting.all_done != nullptr) {
        waiting.all_done();
    }
}

void quiescent_state() {
    const u32 asked = std::atomic_ref<u32>(this_cpu(needs)).exchange(0, std::memory_order_seq_cst);
    const u64 me = bit(cpu_id());
    if (asked & kNeedNormal) {
        trace_grace_period(sequence(), "cpuqs");
        clear_waiting(normal, me);
    }
    if (asked & kNeedExpedited) clear_waiting(expedited, me);
}

namespace {

/// In the interrupt that an expedited grace period sends. If what it interrupted is a section, the
/// end of that reschedules, which is the quiescent state.
void answer_at_once(void*) {
    if (preempt_depth() == kHardirqOffset) {
        note_context_switch();
    } else {
        arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) & ~kNoReschedNeeded);
    }
}

}  // namespace

void ask_expedited() {
    u64 busy = 0;
    expedited.cpus.store(online_cpus.bits(), std::memory_order_seq_cst);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        ask(cpu, kNeedExpedited);
        if (context::is_busy(context::snapshot(cpu))) busy |= bit(cpu);
    });
    // The caller is in no section, nor is anything else where it runs.
    PreemptGuard stay;
    clear_waiting(expedited, ~busy | bit(cpu_id()));
    irq::call_on_cpus(busy, answer_at_once, nullptr);
}

void begin_period() {
    const u64 number = gp_sequence.fetch_add(1, std::memory_order_seq_cst) + 1;
    trace_grace_period(number, "start");
    const u64 cpus = online_cpus.bits();
    normal.cpus.store(cpus, std::memory_order_seq_cst);
    for_each_cpu(CpuMask(cpus), [](unsigned cpu) {
        ask(cpu, kNeedNormal);
        counter_at_begin[cpu] = context::snapshot(cpu);
    });
    force_quiescent_states(false);
}

void force_quiescent_states(bool kick) {
    u64 idle = 0;
    for_each_cpu(CpuMask(normal.cpus.load(std::memory_order_seq_cst)), [&](unsigned cpu) {
        const u64 counter = context::snapshot(cpu);
        if (!context::is_busy(counter) || counter != counter_at_begin[cpu]) {
            trace_grace_period(sequence(), "dti");
            idle |= bit(cpu);
        } else if (kick) {
            irq::send_reschedule(cpu);
        }
    });
    clear_waiting(normal, idle);
}

void end_period() {
    const u64 number = gp_sequence.fetch_add(1, std::memory_order_seq_cst) + 1;
    trace_grace_period(number, "end");
    wake_idle_with_callbacks(number);
}

}  // namespace rcu
