// See hrtimer_sleep.h.

#include "sched/hrtimer_sleep.h"

#include "core/time/hrtimer.h"
#include "sched/policy.h"
#include "sched/sched.h"

namespace sched {

namespace {

/// Linux' struct hrtimer_sleeper.
struct HrTimerSleeper {
    explicit HrTimerSleeper(time::ClockBase clock) : timer(wake, clock) {}

    static time::Restart wake(time::HrTimer& timer) {
        auto& self = reinterpret_cast<HrTimerSleeper&>(timer);  // its first member
        self.expired.store(true, std::memory_order_release);
        wake_up_process(self.task);
        return time::Restart::No;
    }

    time::HrTimer timer;
    Task& task = current();
    std::atomic<bool> expired{false};
};

}  // namespace

Result<void> hrtimer_sleep(time::ClockBase clock, u64 deadline_ns) {
    Task& me = current();
    const bool is_realtime = is_rt_policy(me.policy);
    HrTimerSleeper sleeper(clock);
    set_current_state(kInterruptible);
    sleeper.timer.start(deadline_ns, time::TimerMode::Absolute,
                        is_realtime ? 0 : me.timer_slack_ns);
    while (!sleeper.expired.load(std::memory_order_acquire) && !signal_pending(me)) {
        schedule();
        set_current_state(kInterruptible);
    }
    set_current_state(kRunning);
    sleeper.timer.cancel();  // waits for a callback that has woken us and has yet to return
    if (sleeper.expired.load(std::memory_order_acquire)) return {};
    return ERESTARTSYS;
}

}  // namespace sched
