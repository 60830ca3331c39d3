#include "sched/timeout.h"

#include "core/log/printk.h"
#include "core/time/jiffies.h"
#include "core/time/timer.h"
#include "sched/kthread.h"
#include "sched/sched.h"

namespace sched {

namespace {

struct ProcessTimer {
    static void expired(time::Timer& timer) {
        wake_up_process(reinterpret_cast<ProcessTimer&>(timer).task);  // its first member
    }

    time::Timer timer{expired};
    Task& task = current();
};

}  // namespace

i64 schedule_timeout(i64 timeout) {
    if (timeout == kMaxScheduleTimeout) {
        schedule();
        return timeout;
    }
    if (timeout < 0) {
        printk(Level::Err, "schedule_timeout: wrong timeout value %d, from %#x", timeout,
               reinterpret_cast<u64>(__builtin_return_address(0)));
        set_current_state(kRunning);
        return 0;
    }
    const u64 expires = time::jiffies() + u64(timeout);
    ProcessTimer sleep;
    sleep.timer.add(expires);
    schedule();
    sleep.timer.del_sync();
    const i64 left = i64(expires - time::jiffies());
    return left < 0 ? 0 : left;
}

i64 schedule_timeout_interruptible(i64 timeout) {
    set_current_state(kInterruptible);
    return schedule_timeout(timeout);
}

i64 schedule_timeout_uninterruptible(i64 timeout) {
    set_current_state(kUninterruptible);
    return schedule_timeout(timeout);
}

void msleep(u64 ms) {
    // The wheel adds the rest of the running tick, so this many are never too few.
    i64 left = i64(time::msecs_to_jiffies(ms));
    do left = schedule_timeout_uninterruptible(left);
    while (left > 0);
}

u64 msleep_interruptible(u64 ms) {
    i64 left = i64(time::msecs_to_jiffies(ms));
    do left = schedule_timeout_interruptible(left);
    while (left > 0 && !signal_pending(current()));
    return time::jiffies_to_msecs(u64(left));
}

WokenWaiter::WokenWaiter(WaitQueue& queue) : queue_(queue), task_(current()) {
    entry_.callback = woken;
    entry_.context = this;
    queue_.add(entry_);
}

WokenWaiter::~WokenWaiter() { queue_.remove(entry_); }

/// The flag comes before the wake-up, and wait() sets its state before it looks at the flag: so
/// either it sees the flag, or the wake-up finds it with its state set.
void WokenWaiter::woken(WaitQueueEntry& entry) {
    auto& self = *static_cast<WokenWaiter*>(entry.context);
    self.woken_.store(true, std::memory_order_seq_cst);
    wake_up_process(self.task_);
}

i64 WokenWaiter::wait(u32 state, i64 timeout) {
    set_current_state(state);
    if (!woken_.load(std::memory_order_seq_cst) && !kthread_should_stop()) {
        timeout = schedule_timeout(timeout);
    }
    set_current_state(kRunning);
    woken_.exchange(false, std::memory_order_seq_cst);
    return timeout;
}

}  // namespace sched
