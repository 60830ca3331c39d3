/// Quiescent states: how each processor tells that it holds no RCU reference. The hooks that the
/// scheduler, the tick and the idle loop call; all are a few instructions while nobody waits.
///
/// Whoever waits sets a bit in `needs` of each processor, and the processor's bit in a mask; the
/// processor clears its bit in the mask at its next quiescent state. So one word holds all
/// processors; Linux needs a tree of such words because it runs on thousands.
///
/// Invariant: a processor's bit is cleared only at a moment at which that processor is in no
/// section, by itself or by somebody who sees it idle. So a report that comes late, when already
/// the next grace period runs, is no lie.
#pragma once

#include "arch/percpu.h"
#include "lib/types.h"

namespace rcu {

extern u32 needs;  // per-CPU; others set bits, its processor clears them

/// This processor is in no section: answers those who wait. Interrupts are off.
void quiescent_state();

/// A switch to another task, before any lock of the scheduler is taken. Interrupts are off.
inline void note_context_switch() {
    if (arch::this_cpu_read(needs) != 0) [[unlikely]] {
        quiescent_state();
    }
}

/// From the scheduler's tick, in its interrupt, no locks held.
void sched_clock_irq();

/// From the idle loop, preemption off, interrupts on: moves this processor's callbacks on.
void prepare_idle();
/// Interrupts are off and context::idle_enter() was called: true if the processor must not sleep.
/// Why then only: a grace period that ends from here on finds it idle, and wakes it.
bool idle_must_stay_awake();

}  // namespace rcu
