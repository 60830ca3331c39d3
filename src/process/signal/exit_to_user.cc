// The last thing before user mode.

#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "core/lock/spin_lock.h"
#include "core/log/oops.h"
#include "process/rseq.h"
#include "process/signal.h"
#include "sched/sched.h"

void upcall::check_system_call_exit() {
    WARN_ON_ONCE(!arch::irqs_on());
    WARN_ON_ONCE(preempt_depth() != 0);
    assert_no_spin_locks();
}

/// Every way into user mode leads through here, with interrupts off. The loop ends with a test
/// that nothing can invalidate any more: whatever happens from now on comes as an interrupt.
void upcall::return_to_user(arch::TrapFrame& frame) {
    lockval::expect_none_held("still held on the way to user mode");
    constexpr u32 kSignalWork = sched::kSigPending | sched::kNotifyResume | sched::kRestoreSigmask;
    constexpr u32 kWork = kSignalWork | sched::kRseqWork;
    for (;;) {
        if (need_resched()) [[unlikely]] {
            arch::irq_enable();
            sched::schedule();
            arch::irq_disable();
            continue;
        }
        const sched::Task& task = sched::current();
        const u32 work = task.flags.load(std::memory_order_relaxed) & kWork;
        if (work == 0) [[likely]] {
            return;
        }
        arch::irq_enable();
        if (work & kSignalWork) process::do_signal(frame);
        if (work & sched::kRseqWork) process::rseq_resume(frame);
        arch::irq_disable();
    }
}
