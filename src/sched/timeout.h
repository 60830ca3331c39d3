/// Sleeping for a number of ticks. Linux: kernel/time/timer.c, kernel/sched/wait.c.
///
///     set_current_state(kInterruptible);
///     i64 left = time::kHz;
///     while (!condition && left > 0) {
///         left = schedule_timeout(left);
///         set_current_state(kInterruptible);
///     }
///     set_current_state(kRunning);
///
/// Time-outs in ticks are for those that rarely come: they cost less than deadlines in nanoseconds
/// (wait_queue.h) and are later, by a tick at least.
#pragma once

#include "sched/task.h"
#include "sched/wait_queue.h"

namespace sched {

inline constexpr i64 kMaxScheduleTimeout = i64(~u64{0} >> 1);

/// Gives the processor away until somebody wakes the task or `timeout` ticks have passed. The
/// task's state was set before: while it is kRunning, this returns soon. Returns the ticks that
/// were left, 0 if the time was up; kMaxScheduleTimeout means no limit and is returned as it is. A
/// negative time-out is a bug of the caller: it is reported, and 0 returned, with the state
/// kRunning.
i64 schedule_timeout(i64 timeout);

/// As schedule_timeout(), with the state set as the name says.
i64 schedule_timeout_interruptible(i64 timeout);
i64 schedule_timeout_uninterruptible(i64 timeout);

/// Sleeps at least that long, whatever comes. msleep_interruptible() ends with a signal, and
/// returns the milliseconds that were left.
void msleep(u64 ms);
u64 msleep_interruptible(u64 ms);

/// A waiter that may test its condition without holding the lock of whoever changes it, and lets
/// go of everything between the test and the sleep: a wake-up in that gap is remembered.
///
///     WokenWaiter waiter(queue);
///     while (!condition() && timeout > 0) timeout = waiter.wait(kInterruptible, timeout);
class WokenWaiter {
public:
    explicit WokenWaiter(WaitQueue& queue);  // joins the queue
    ~WokenWaiter();                          // leaves it
    WokenWaiter(const WokenWaiter&) = delete;

    /// Sleeps as schedule_timeout() does, unless the queue was woken since the last call, or since
    /// the constructor; or, in a kernel thread, when that should stop.
    i64 wait(u32 state, i64 timeout);

private:
    static void woken(WaitQueueEntry& entry);

    WaitQueue& queue_;
    WaitQueueEntry entry_;
    Task& task_;
    std::atomic<bool> woken_{false};
};

}  // namespace sched
