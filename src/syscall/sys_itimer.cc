// Interval timers: alarm, getitimer, setitimer.

#include "abi/time.h"
#include "process/process.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

Result<void> sys_getitimer(int which, UserPtr<abi::Itimerval> to) {
    if (which != abi::ITIMER_REAL) return EINVAL;
    const process::RealTimerValue value = process::get_real_timer();
    return to.copy_out({to_timeval(value.interval_ns), to_timeval(value.left_ns)});
}

Result<void> sys_setitimer(int which, UserPtr<const abi::Itimerval> wanted,
                           UserPtr<abi::Itimerval> old) {
    if (which != abi::ITIMER_REAL) return EINVAL;
    process::RealTimerValue value{0, 0};
    if (!wanted.is_null()) {
        const abi::Itimerval timer = TRY(wanted.copy_in());
        value = {TRY(to_ns(timer.value)), TRY(to_ns(timer.interval))};
    }
    const process::RealTimerValue before = TRY(process::set_real_timer(value));
    if (old.is_null()) return {};
    return old.copy_out({to_timeval(before.interval_ns), to_timeval(before.left_ns)});
}

Result<u64> sys_alarm(u32 seconds) {
    const process::RealTimerValue before = TRY(process::set_real_timer({seconds * kNsPerSec, 0}));
    // Rounded, but what still runs is never 0.
    const u64 left = (before.left_ns + kNsPerSec / 2) / kNsPerSec;
    return left == 0 && before.left_ns != 0 ? u64{1} : u64{left};
}

constexpr Entry kCalls[] = {
    {36, "getitimer", call<sys_getitimer>},
    {37, "alarm", call<sys_alarm>},
    {38, "setitimer", call<sys_setitimer>},
};

}  // namespace

constinit const std::span<const Entry> kItimerCalls = kCalls;

}  // namespace syscall
