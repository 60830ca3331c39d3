/// Whether the scheduler may take this processor away from the running kernel code.
///
/// `preempt_count` counts the reasons why not, one bit field each; preemption is allowed at 0.
/// Bit 31 is set while *no* reschedule is wanted, so that one decrement and one test for zero
/// answer both questions at once: "was that the last reason, and is somebody waiting?"
#pragma once

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/upcalls.h"

extern u32 preempt_count;  // per-CPU

inline constexpr u32 kPreemptOffset = 1;       // preempt_disable() and spin locks
inline constexpr u32 kSoftirqOffset = 1 << 8;  // a softirq runs: the lowest bit of its field
inline constexpr u32 kSoftirqDisableOffset = 2 * kSoftirqOffset;  // local_bh_disable()
inline constexpr u32 kHardirqOffset = 1 << 16;                    // in an interrupt handler
inline constexpr u32 kNmiOffset = 1 << 20;                        // in the NMI handler
inline constexpr u32 kNoReschedNeeded = 1u << 31;  // inverted: clear means reschedule, please
inline constexpr u32 kSoftirqMask = 0xff << 8;
inline constexpr u32 kHardirqMask = 0xf << 16;
inline constexpr u32 kNmiMask = 0xf << 20;

inline void preempt_disable() { arch::this_cpu_add(preempt_count, kPreemptOffset); }
inline void preempt_enable_no_resched() { arch::this_cpu_add(preempt_count, -kPreemptOffset); }
inline void preempt_enable() {
    arch::barrier();
    if (arch::this_cpu_dec_is_zero(preempt_count) && arch::irqs_on()) [[unlikely]] {
        upcall::preempt_schedule();
    }
}

inline bool need_resched() { return !(arch::this_cpu_read(preempt_count) & kNoReschedNeeded); }
inline u32 preempt_depth() { return arch::this_cpu_read(preempt_count) & ~kNoReschedNeeded; }

// --- which kind of code this is ---------------------------------------------------------------

inline bool in_nmi() { return arch::this_cpu_read(preempt_count) & kNmiMask; }
inline bool in_hardirq() { return arch::this_cpu_read(preempt_count) & kHardirqMask; }
/// A softirq runs on this processor, or none may because of local_bh_disable().
inline bool in_softirq() { return arch::this_cpu_read(preempt_count) & kSoftirqMask; }
/// The caller was called by a softirq.
inline bool in_serving_softirq() { return arch::this_cpu_read(preempt_count) & kSoftirqOffset; }
/// Where no softirq may start: one runs already, they are disabled, or an interrupt is on.
inline bool in_interrupt() {
    return arch::this_cpu_read(preempt_count) & (kNmiMask | kHardirqMask | kSoftirqMask);
}
/// The caller runs on behalf of the current task, even if it may not sleep just now.
inline bool in_task() {
    return !(arch::this_cpu_read(preempt_count) & (kNmiMask | kHardirqMask | kSoftirqOffset));
}
/// True where code may sleep: no lock held, not in an interrupt, interrupts on.
inline bool may_sleep() { return preempt_depth() == 0 && arch::irqs_on(); }

class PreemptGuard {
public:
    PreemptGuard() { preempt_disable(); }
    ~PreemptGuard() { preempt_enable(); }
    PreemptGuard(const PreemptGuard&) = delete;
};
