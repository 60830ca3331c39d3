// LAB FILE (02-traps): the interrupt of the local timer.
//
// It hangs together like this. The processor's local APIC was told one moment; when it comes, it
// interrupts at kTimerVector, and core/irq calls local_timer_interrupt(). From there the clock
// event device (clockevents.h) leads to HrTimerCpuBase::interrupt(), which runs what is due and
// tells the APIC the next moment. An interrupt that is not acknowledged is the last one of its
// kind, and so is one that forgets to tell the next moment.

#include "core/time/timer_interrupt.h"

#include "arch/apic.h"
#include "core/time/clockevents.h"
#include "core/time/hrtimer_base.h"
#include "lib/lab.h"

namespace time {

/// LAB traps, task 5 "The timer" (handouts/02-traps.md). Write the body.
///   Before  the local APIC has interrupted at kTimerVector and waits for an acknowledgement, as it
///           does for every vector but the spurious one. `device` is its timer. Interrupts are off.
///   After   the interrupt is acknowledged, once, and whoever uses the device has heard of it,
///   once. Use     arch::apic_eoi(), clockevents_event(). Check   `make grade LAB=traps T=timer`
///   Think   which interrupts does the APIC hold back until it is acknowledged?
void local_timer_interrupt(ClockEventDevice& device) {
#ifdef SOLVED_TRAPS
    arch::apic_eoi();
    clockevents_event(device);
#else
    lab_todo("traps", "local_timer_interrupt");
#endif
}

/// LAB traps, task 5 "The timer" (handouts/02-traps.md). Write the body.
///   Before  the lock is held; `now` is the monotonic time. Bit i of `active` says that clock[i]
///   has
///           timers; its own clock shows `now` + clock[i].offset_ns.
///   After   of each clock in `bases`, the timers whose soft_expires_ns_ has come have run, the
///   first
///           of the tree first, until one is not due. (It may be that one behind it is: slack is a
///           permission, not a promise.)
///   Use     clock[i].tree.first(), which is null for an empty one; run(), which takes the timer
///   out
///           of its tree, calls its function, and may put it back with a later time.
///   Check   `make grade LAB=traps T=timer`
///   Think   callbacks start and stop timers. Which pointers are still good after run()?
void HrTimerCpuBase::run_queues(u64 now, u32 bases) {
#ifdef SOLVED_TRAPS
    for (u32 left = active & bases; left != 0; left &= left - 1) {
        HrTimerClockBase& base = clock[__builtin_ctz(left)];
        const u64 base_now = now + u64(base.offset_ns);
        while (HrTimer* timer = base.tree.first()) {
            if (i64(base_now - timer->soft_expires_ns_) < 0) break;
            run(*timer, base, now);
        }
    }
#else
    lab_todo("traps", "HrTimerCpuBase::run_queues");
#endif
}

/// LAB traps, task 5 "The timer" (handouts/02-traps.md). Write the body.
///   Before  the lock is held; `now` is the monotonic time.
///   After   soft timers that are due have their softirq, hard ones have run; `expires_next` is the
///           earliest moment of those that are left, and the hardware is aimed at it. True; or
///           false if that moment had come already, and the hardware is aimed at nothing. While
///           callbacks run, `in_interrupt` is true and `expires_next` kTimeMax, so that timers
///           which they start do not aim the hardware themselves.
///   Use     raise_soft_if_due(), run_queues() with kHard, find_next_event(),
///           try_program_timer_event().
///   Check   `make grade LAB=traps T=timer`
///   Think   what would happen if the hardware was aimed before the callbacks ran?
bool HrTimerCpuBase::run_round(u64 now) {
#ifdef SOLVED_TRAPS
    in_interrupt = true;
    expires_next = kTimeMax;
    raise_soft_if_due(now);
    run_queues(now, kHard);
    find_next_event();
    in_interrupt = false;
    return try_program_timer_event(expires_next);
#else
    lab_todo("traps", "HrTimerCpuBase::run_round");
#endif
}

/// LAB traps, task 5 "The timer" (handouts/02-traps.md). Write the body.
///   Before  the timer has interrupted; interrupts are off.
///   After   `events` is one more. There were rounds until one could aim the hardware, kMaxRounds
///   at
///           most, each with the time of its beginning; then hang_detected is false. If none could,
///           `retries` counts each, and back_off() has aimed it so that others get their turn.
///   Use     IrqGuard guard(lock), update(), run_round(), back_off(begin, now).
///   Check   `make grade LAB=traps T=timer`
///   Think   when does a machine come here whose timers never let it go again?
void HrTimerCpuBase::interrupt() {
#ifdef SOLVED_TRAPS
    IrqGuard guard(lock);
    events++;
    const u64 begin = update();
    u64 now = begin;
    for (unsigned round = 0; round < kMaxRounds; round++) {
        if (run_round(now)) {
            hang_detected = false;
            return;
        }
        retries++;
        now = update();  // the next one has become due while these ran
    }
    back_off(begin, now);
#else
    lab_todo("traps", "HrTimerCpuBase::interrupt");
#endif
}

}  // namespace time
