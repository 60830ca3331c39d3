/// Keeping softirqs off this processor for a short time, while interrupts stay on: for data that
/// tasks share with softirqs, and interrupt handlers never touch.
///
///     BhGuard guard;      // until the end of the block
///
/// It nests. Softirqs that are raised meanwhile run when the outermost one ends. Preemption is off,
/// so the code may not sleep. "Bottom half" is the old word for what is done after an interrupt.
#pragma once

#include "core/percpu/preempt.h"

inline void local_bh_disable() {
    arch::this_cpu_add(preempt_count, kSoftirqDisableOffset);
    arch::barrier();
}

/// Runs what was raised meanwhile if this was the outermost one. Interrupts are on, and this is
/// not an interrupt handler: else panics, when there is something to run.
void local_bh_enable();

class BhGuard {
public:
    BhGuard() { local_bh_disable(); }
    ~BhGuard() { local_bh_enable(); }
    BhGuard(const BhGuard&) = delete;
};
