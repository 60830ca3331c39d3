/// Timers: call a function at a time. One red-black tree per processor, ordered by expiry; the
/// local APIC is armed for the earliest. Nothing ticks while nobody waits.
///
///     void expired(HrTimer& timer);              // interrupt context, no locks held
///     HrTimer timer{expired};
///     timer.start(time::now_ns() + 5 * time::kNsPerMs);
///     timer.cancel();                            // before it goes out of scope
#pragma once

#include <atomic>

#include "lib/rbtree.h"
#include "lib/types.h"

namespace time {

class HrTimer {
public:
    /// `expired` runs once per start(), in interrupt context on the processor that armed it, and
    /// may start() the timer again.
    constexpr explicit HrTimer(void (*expired)(HrTimer&)) : expired_(expired) {}
    ~HrTimer();  // asserts that it is not armed
    HrTimer(const HrTimer&) = delete;

    /// Arms the timer for `expires_ns` on the monotonic clock, on this processor; if it was
    /// armed, moves it. A time in the past expires at once (from the timer interrupt).
    void start(u64 expires_ns);

    /// Disarms it and waits until a running callback on another processor has returned. True if
    /// it was armed. Do not call with a lock that the callback takes.
    bool cancel();

    /// As cancel(), but does not wait: false if it was not armed, or its callback runs right now.
    bool try_cancel();

    bool is_armed() const { return cpu_.load(std::memory_order_relaxed) != kNotArmed; }
    u64 expires_ns() const { return expires_ns_; }

private:
    friend class TimerQueue;
    static constexpr u32 kNotArmed = ~0u;

    RbNode node_;
    u64 expires_ns_ = 0;
    void (*expired_)(HrTimer&);
    std::atomic<u32> cpu_{kNotArmed};  // on whose queue; written under that queue's lock
};

/// Installs the timer interrupt; then, on each processor, starts its local timer.
void init_timers();
void init_timers_cpu();

}  // namespace time
