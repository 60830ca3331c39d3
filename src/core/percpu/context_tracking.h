/// Whether this processor is busy, as others may see it without asking: a counter that is odd while
/// the processor executes anything that could hold an RCU reference, and even while it sleeps in
/// its idle loop. Linux: kernel/context_tracking.c (the dynticks counter).
///
/// Whoever finds it even, or changed since an earlier look, knows that no read-side critical
/// section on that processor has lasted all the time; and a sleeping processor need not be woken
/// to learn that.
///
/// Why the additions are full barriers: the idle side must be seen to have finished its reads
/// before the counter is even, and an interrupt of idle must not read before it is odd.
#pragma once

#include <atomic>

#include "core/percpu/percpu.h"

namespace context {

extern u64 dynticks;  // per-CPU; changed by its own processor only

inline void count() {
    std::atomic_ref<u64>(this_cpu(dynticks)).fetch_add(1, std::memory_order_seq_cst);
}

/// The counter of a processor; whether a value of it means busy.
inline u64 snapshot(unsigned cpu) {
    return std::atomic_ref<u64>(per_cpu(dynticks, cpu)).load(std::memory_order_seq_cst);
}
inline bool is_busy(u64 snapshot) { return snapshot & 1; }

/// Around the sleep of the idle task. Preemption is off, and nothing between the two uses RCU.
inline void idle_enter() { count(); }
inline void idle_exit() { count(); }

/// At the begin and the end of each interrupt: one that ends the sleep makes the processor busy for
/// its duration. begin's result tells end whether this one did.
inline bool irq_enter() {
    if (is_busy(arch::this_cpu_read(dynticks))) [[likely]] {
        return false;
    }
    count();
    return true;
}
inline void irq_exit(bool was_idle) {
    if (was_idle) [[unlikely]] {
        count();
    }
}

}  // namespace context
