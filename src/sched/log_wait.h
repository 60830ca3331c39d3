/// Waiting for news in the kernel log. printk() may be called with any lock held and from an NMI,
/// so it wakes nobody itself: it queues an IrqWork, which does. Linux: wake_up_klogd().
#pragma once

#include "lib/result.h"
#include "lib/types.h"
#include "sched/wait_queue.h"

namespace sched {

/// Sleeps until there is a record numbered `sequence` or later. ERESTARTSYS: a signal came first.
Result<void> wait_for_log(u64 sequence);

/// For poll: the queue that is woken when there are new records. First join it, then tell so by
/// arm_log_wait(), then look at the log.
WaitQueue& log_waiters();
void arm_log_wait();

/// Boot, once.
void init_log_wait();

}  // namespace sched
