/// Softirqs: what an interrupt handler leaves to be done right after it, with interrupts on.
///
/// There is a fixed set of them, one bit each in a mask that every processor has. A handler
/// *raises* a bit; on the way out of the last nested interrupt the actions of all raised bits run,
/// the lower first, on the processor that raised them:
///
///     softirq::open(SoftIrq::Block, complete_requests);    // once, at boot
///     softirq::raise(SoftIrq::Block);                      // from the interrupt handler
///
/// An action runs with interrupts on and must not sleep. The same action may run on several
/// processors at once, but never twice at once on one; tasklets (tasklet.h) are for code that
/// wants to run once only in the whole system, work queues (sched/workqueue.h) for code that
/// sleeps.
///
/// Softirqs that raise themselves again and again would starve everybody else, so only some passes
/// are made at once; what is left is done by the thread ksoftirqd of that processor, which competes
/// for time like any other task. Linux: kernel/softirq.c.
#pragma once

#include "core/percpu/preempt.h"
#include "core/softirq/bottom_half.h"
#include "lib/types.h"

/// All there are, the most urgent first. Linux' order: programs read it in /proc/softirqs.
enum class SoftIrq : u8 { Hi, Timer, NetTx, NetRx, Block, IrqPoll, Tasklet, Sched, HrTimer, Rcu };

namespace softirq {

inline constexpr unsigned kCount = 10;

/// Says what a softirq does. Boot only.
void open(SoftIrq number, void (*action)());

/// Asks for the action on this processor. It runs soon: at the end of the current interrupt, at
/// the next local_bh_enable(), or in ksoftirqd if the caller is an ordinary task. Any context but
/// NMI; a task that calls it outside BhGuard holds no lock of rank Task or below, since that wakes
/// ksoftirqd. Raising what is raised already changes nothing.
void raise(SoftIrq number);
/// As raise(); interrupts are off.
void raise_irqoff(SoftIrq number);

/// Bit n: softirq n is raised on this processor and has not begun.
inline u32 pending();

/// Runs what is raised on this processor: softirq.cc. Interrupts are off, in_interrupt() is false.
void run_pending();

/// A softirq's name in /proc/softirqs; how often it ran on a processor.
const char* name(unsigned number);
u64 count(unsigned number, unsigned cpu);

/// For how long softirqs ran on `cpu`, without the interrupts that came meanwhile.
u64 time_ns(unsigned cpu);
/// An interrupt took that many ticks of the time stamp counter, which is nobody else's time.
inline void note_interrupt(u64 ticks);

/// Makes ksoftirqd of this processor run. Set once by sched/; interrupts are off when it is called.
extern void (*wake_ksoftirqd)();

}  // namespace softirq

/// Around every interrupt handler, with interrupts off. irq_exit() runs the raised softirqs if
/// this was the outermost interrupt and did not come while a softirq ran or was disabled.
inline void irq_enter() { arch::this_cpu_add(preempt_count, kHardirqOffset); }
inline void irq_exit();

// --- inline bodies ------------------------------------------------------------------------------

namespace softirq {
extern u32 pending_mask;         // per-CPU; written with interrupts off
extern u64 ticks_of_interrupts;  // per-CPU; since a softirq began
inline void note_interrupt(u64 ticks) { arch::this_cpu_add(ticks_of_interrupts, ticks); }
inline u32 pending() { return arch::this_cpu_read(pending_mask); }
}  // namespace softirq

inline void irq_exit() {
    arch::this_cpu_add(preempt_count, -kHardirqOffset);
    if (softirq::pending() != 0 && !in_interrupt()) softirq::run_pending();
}
