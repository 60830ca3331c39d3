// LAB FILE (02-traps): the loop that runs softirqs. Who raises them and keeps count: pending.cc.
//
// An interrupt handler has no time, so it leaves bits in a mask. Here the bits become calls, with
// interrupts on, before the interrupted program goes on.

#include "core/softirq/softirq.h"

#include "core/softirq/internal.h"
#include "lib/lab.h"

namespace softirq {

/// LAB traps, task 6 "Softirqs" (handouts/02-traps.md). Write the body.
///   Before  interrupts are off; at least one softirq is raised on this processor; none is served.
///   After   a pass has run every raised softirq once, the lower numbers first, with interrupts on;
///           what was raised meanwhile ran in further passes, as long as the budget allowed one.
///           What is left then was handed to ksoftirqd. Interrupts are off again. From the
///           beginning to the end a Serving lived: while it does, no interrupt comes here a second
///           time.
///   Use     Serving, Budget, take_pending(), run_action(), pending(), call_ksoftirqd(),
///           arch::irq_enable(), arch::irq_disable().
///   Check   `make grade LAB=traps T=softirq`
///   Think   an action raises itself. Where is that bit lost, if the mask is cleared too late?
void run_pending() {
#ifdef SOLVED_TRAPS
    Serving serving;
    Budget budget;
    do {
        u32 raised = take_pending();  // before the actions: what these raise is for the next pass
        arch::irq_enable();
        for (; raised != 0; raised &= raised - 1) {
            run_action(unsigned(__builtin_ctz(raised)));
        }
        arch::irq_disable();
    } while (pending() != 0 && budget.allows_another_pass());
    if (pending() != 0) call_ksoftirqd();
#else
    lab_todo("traps", "run_pending");
#endif
}

}  // namespace softirq
