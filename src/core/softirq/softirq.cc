// The loop that runs softirqs. Who raises them and keeps count: pending.cc.

#include "core/softirq/softirq.h"

#include "core/softirq/internal.h"

namespace softirq {

/// Every softirq that is raised on this processor runs once, the lower numbers first; then those
/// that were raised meanwhile, and so on, until none is left or the budget is used up. What is left
/// then is up to ksoftirqd.
///
/// Called and left with interrupts off, by the outermost irq_exit(), local_bh_enable(), and
/// ksoftirqd. The actions run with interrupts on: what those raise joins the next pass.
/// Linux: __do_softirq().
void run_pending() {
    Serving serving;  // until the end: in_softirq(), so no interrupt starts a second loop
    Budget budget;
    do {
        // Cleared before the actions run, not after: a softirq raised while its action runs would
        // otherwise be lost.
        u32 raised = take_pending();
        arch::irq_enable();
        for (; raised != 0; raised &= raised - 1) {
            run_action(unsigned(__builtin_ctz(raised)));
        }
        arch::irq_disable();
    } while (pending() != 0 && budget.allows_another_pass());
    if (pending() != 0) call_ksoftirqd();
}

}  // namespace softirq
