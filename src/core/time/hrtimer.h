/// HrTimer: calls a function at a time, exact to the nanosecond as far as the hardware goes.
/// Linux: kernel/time/hrtimer.c.
///
///     Restart expired(HrTimer& timer) { …; return Restart::No; }
///
///     HrTimer timer{expired};
///     timer.start(time::now_ns() + 5 * kNsPerMs);
///     timer.cancel();                             // before it goes out of scope
///
/// A periodic one asks to be started again, and moves its own time on:
///
///     Restart expired(HrTimer& timer) { missed += timer.forward_now(period) - 1; return
///     Restart::Yes; }
///
/// A timer follows one of four clocks. When the wall clock is set, timers on Realtime and Tai keep
/// their date, so the time that is left changes; the others do not notice.
///
/// Hard timers call in interrupt context. Soft ones call from the HrTimer softirq, with interrupts
/// on: for callbacks that do more than wake somebody up.
///
/// With slack a timer may go off anywhere between its time and its time plus the slack: whatever
/// interrupt falls into that range takes it along. It never goes off before its time.
#pragma once

#include <atomic>

#include "core/time/clock_base.h"
#include "lib/rbtree.h"
#include "lib/types.h"

namespace time {

struct HrTimerClockBase;

/// What a callback wants: to be called again at the time it has set meanwhile, or not.
enum class Restart : u8 { No, Yes };

/// Where the callback runs.
enum class Expiry : u8 { Hard, Soft };

/// Whether start() takes a time or a distance, and whether the timer stays on the processor that
/// starts it (others may be taken to a processor that is awake anyway).
enum class TimerMode : u8 { Absolute, Relative, AbsolutePinned, RelativePinned };

/// What HrTimer::try_to_cancel() found.
enum class CancelResult : i8 { CallbackRuns = -1, Inactive = 0, Cancelled = 1 };

/// The latest time there is. A timer that is started for it never goes off.
inline constexpr u64 kTimeMax = ~u64{0} >> 1;

class HrTimer {
public:
    /// `function` runs with interrupts off (Hard) or in a softirq (Soft), without a lock, on one
    /// processor at a time. It may start() its own timer, or set it forward and return
    /// Restart::Yes; if it does both, start() wins. If it returns Restart::No, it may free it.
    using Function = Restart (*)(HrTimer& timer);

    constexpr explicit HrTimer(Function function, ClockBase clock = ClockBase::Monotonic,
                               Expiry expiry = Expiry::Hard)
        : function_(function), clock_(clock), expiry_(expiry) {}
    ~HrTimer();  // asserts that it is not queued
    HrTimer(const HrTimer&) = delete;

    /// Queues the timer for `when_ns` on its clock, or that long from now; if it was queued, moves
    /// it. A time in the past: the callback runs at once, from the timer interrupt. A relative
    /// start on Realtime counts on Monotonic, as setting the clock must not change a distance.
    /// Any context; with a lock held if it ranks above LockRank::Timer.
    void start(u64 when_ns, TimerMode mode = TimerMode::Absolute, u64 slack_ns = 0);

    /// Takes it out of the queue. CallbackRuns: it was not queued, and its callback has begun and
    /// not returned: it may still use the timer, or queue it again. Any context.
    CancelResult try_to_cancel();

    /// As try_to_cancel(), until the callback has returned: then the timer is idle and nobody uses
    /// it. True if it was queued. Not from the callback itself, nor with a lock that it takes, nor
    /// from an interrupt that may come in its midst.
    bool cancel();

    /// Queued, waiting for its time.
    bool is_queued() const { return queued_.load(std::memory_order_relaxed); }
    /// Queued, or its callback runs.
    bool is_active() const;

    /// When it goes off on its clock: not before soft_expires_ns(), and with a timely interrupt by
    /// expires_ns(). Stable while it is not queued, or under a lock that callers of start() hold.
    u64 expires_ns() const { return expires_ns_; }
    u64 soft_expires_ns() const { return soft_expires_ns_; }
    /// Time left until soft_expires_ns(); 0 if it is due.
    u64 remaining_ns() const;

    /// Sets the time without queueing: for callbacks that return Restart::Yes. The timer must not
    /// be queued.
    void set_expires(u64 when_ns, u64 slack_ns = 0);

    /// Moves the expiry on by as many whole intervals as it takes to lie after `now_ns`, and
    /// returns how many: 0 if it lay there already; each beyond the first is an expiry that was
    /// missed ("overrun"). An interval of 0 counts as 1 ns. The timer must not be queued.
    u64 forward(u64 now_ns, u64 interval_ns);
    /// forward() from what its clock shows now.
    u64 forward_now(u64 interval_ns);

    /// What the timer's clock shows.
    u64 clock_now_ns() const;

    Function function() const { return function_; }
    bool is_soft() const { return expiry_ == Expiry::Soft; }

private:
    friend struct HrTimerClockBase;
    friend struct HrTimerCpuBase;

    ClockBase clock_in_use() const { return counts_down_ ? ClockBase::Monotonic : clock_; }
    HrTimerClockBase& lock_base();
    HrTimerClockBase& switch_base(HrTimerClockBase& from);

    RbNode node_;
    u64 expires_ns_ = 0, soft_expires_ns_ = 0;
    Function function_;
    std::atomic<HrTimerClockBase*> base_{nullptr};  // where it is, or was last
    std::atomic<bool> queued_{false};               // both change under the base's lock
    const ClockBase clock_;
    const Expiry expiry_;
    bool counts_down_ = false;  // started relative, on Realtime
};

/// The wall clock was set: timers on Realtime and Tai are due at another moment than before.
/// Aims all processors anew. Thread context, interrupts on; does nothing before init_hrtimers().
void clock_was_set();

/// Called by clock_was_set() at its end, if not null: for programs that want to know (timerfd).
extern void (*clock_was_set_hook)();

/// Prepares the queues of all processors; boot. Then, on each processor, starts its local timer.
void init_hrtimers();
void init_hrtimers_cpu();

}  // namespace time
