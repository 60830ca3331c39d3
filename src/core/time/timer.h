/// Timer: calls a function some ticks from now. For time-outs: many, rarely exact, nearly always
/// cancelled before they go off. Starting and stopping one takes a few instructions, however many
/// there are; what it gives up for that is precision (wheel/timer_base.h). Whoever needs a moment
/// and not just "some time later" uses HrTimer. Linux: kernel/time/timer.c.
///
///     void timed_out(Timer& timer);
///
///     Timer timer{timed_out};
///     timer.mod(time::jiffies() + time::kHz);     // in a second, or a little later; never earlier
///     timer.del_sync();                           // before it goes out of scope
///
/// The function runs in the Timer softirq: it must not sleep. Timers on the stack are fine as long
/// as del_sync() comes before their end; the destructor asserts that they are not pending.
#pragma once

#include <atomic>

#include "core/time/hrtimer.h"
#include "lib/types.h"

namespace time {

struct TimerBase;

class Timer {
public:
    using Function = void (*)(Timer& timer);

    enum Flag : u8 {
        kDeferrable = 1,  // does not wake a sleeping processor: waits until something else does
        kIrqSafe = 2,     // the function runs with interrupts off; then interrupts may del_sync()
        kPinned = 4,      // goes off on the processor that starts it
    };

    /// `flags` is a sum of Flag. The function may start its timer again. It runs on one processor
    /// at a time.
    constexpr explicit Timer(Function function, u8 flags = 0)
        : function_(function), flags_(flags) {}
    ~Timer();
    Timer(const Timer&) = delete;

    /// Makes it go off when jiffies() has passed `expires`; at the next tick if it has already.
    /// True if it was pending: then it moves. Any context; locks held must rank above
    /// LockRank::Timer.
    bool mod(u64 expires);
    /// As mod(), for a timer that is not pending.
    void add(u64 expires);
    /// As add(), on processor `cpu`.
    void add_on(u64 expires, unsigned cpu);
    /// As mod(), but only if it is pending: else nothing happens.
    bool mod_pending(u64 expires);
    /// As mod(), but a pending timer only moves to an earlier time.
    bool reduce(u64 expires);

    /// Stops it. True if it was pending. The function may be running nevertheless. Any context.
    bool del();
    /// As del(); CallbackRuns, and nothing is done, while the function runs.
    CancelResult try_to_del_sync();
    /// As del(), and waits until the function has returned: after that it is idle, unless somebody
    /// starts it again. Not from the function itself; not with a lock that it takes; from an
    /// interrupt only if the timer is kIrqSafe.
    bool del_sync();

    bool is_pending() const { return place_.load(std::memory_order_relaxed) != nullptr; }
    u64 expires() const { return expires_; }
    Function function() const { return function_; }
    u8 flags() const { return flags_; }

private:
    friend struct TimerBase;
    enum class When : u8 { Always, IfPending, IfEarlier };

    static constexpr unsigned kThisCpu = ~0u;

    bool set(u64 expires, When when, unsigned cpu);
    CancelResult stop(bool even_if_running);
    TimerBase& lock_base();
    TimerBase& switch_base(TimerBase& from, TimerBase& to);

    Timer* next_ = nullptr;                  // in its bucket
    std::atomic<Timer**> place_{nullptr};    // what points to it; null: not pending
    std::atomic<TimerBase*> base_{nullptr};  // where it is, or was last
    u64 expires_ = 0;
    Function function_;
    u16 bucket_ = 0;
    const u8 flags_;
};

/// Prepares the wheels of all processors, and the softirq. Boot.
void init_timers();

}  // namespace time
