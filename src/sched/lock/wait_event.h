/// Waiting for a condition that no lock guards: a word that changes in one piece.
///
///     TRY(wait_event(queue, kInterruptible, [&] { return ready.load(); }));
///
/// Who makes the condition true calls queue.wake_all() (or wake_one()) *afterwards*. The condition
/// is tested before sleeping and after every wake-up, without locks, and must not sleep. Linux:
/// include/linux/wait.h (wait_event, wait_event_interruptible, wait_event_timeout).
#pragma once

#include <concepts>

#include "core/time/clock.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace sched {

/// Sleeps in `state` until `condition()` is true. ERESTARTSYS if a signal ends the sleep, ETIMEDOUT
/// at `deadline_ns` on the monotonic clock; neither if the condition is true by then.
template <std::predicate Condition>
Result<void> wait_event(WaitQueue& queue, u32 state, Condition condition,
                        u64 deadline_ns = kForever) {
    if (condition()) return {};
    WaitQueueEntry entry;
    bool expired = false, interrupted = false;
    for (;;) {
        queue.prepare_to_wait(entry, state);
        if (condition()) {
            expired = interrupted = false;
            break;
        }
        interrupted = signal_ends_sleep(current(), state);
        if (interrupted || expired) break;
        expired = schedule_until(deadline_ns);
    }
    queue.finish_wait(entry);
    if (interrupted) return ERESTARTSYS;
    if (expired) return ETIMEDOUT;
    return {};
}

/// As wait_event(), at most `timeout_ns`: what is left of them, at least 1; 0 if time is up.
template <std::predicate Condition>
Result<u64> wait_event_timeout(WaitQueue& queue, u32 state, Condition condition, u64 timeout_ns) {
    const u64 deadline = time::now_ns() + timeout_ns;
    const Result<void> waited = wait_event(queue, state, condition, deadline);
    if (!waited.ok() && waited.error() == ETIMEDOUT) return u64{0};
    if (!waited.ok()) return waited.error();
    const u64 now = time::now_ns();
    return now < deadline ? deadline - now : 1;
}

}  // namespace sched
