// Interval timers: alarm, getitimer, setitimer.

#include "abi/time.h"
#include "process/timer/cpu_timer.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using process::CpuTime;
using process::ItimerValue;

abi::Itimerval to_itimerval(const ItimerValue& value) {
    return {to_timeval(value.interval_ns), to_timeval(value.left_ns)};
}

Result<void> sys_getitimer(int which, UserPtr<abi::Itimerval> to) {
    return to.copy_out(to_itimerval(TRY(do_getitimer(which))));
}

Result<void> sys_setitimer(int which, UserPtr<const abi::Itimerval> wanted,
                           UserPtr<abi::Itimerval> old) {
    ItimerValue value{0, 0};  // Linux, too, takes null for this
    if (!wanted.is_null()) {
        const abi::Itimerval timer = TRY(wanted.copy_in());
        value = {TRY(to_ns(timer.value)), TRY(to_ns(timer.interval))};
    }
    const ItimerValue before = TRY(do_setitimer(which, value));
    if (old.is_null()) return {};
    return old.copy_out(to_itimerval(before));
}

Result<u64> sys_alarm(u32 seconds) {
    const process::ItimerValue before = TRY(process::set_real_timer({seconds * kNsPerSec, 0}));
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

Result<ItimerValue> do_getitimer(int which) {
    switch (which) {
    case abi::ITIMER_REAL: return process::get_real_timer();
    case abi::ITIMER_VIRTUAL: return process::get_cpu_itimer(CpuTime::Virt);
    case abi::ITIMER_PROF: return process::get_cpu_itimer(CpuTime::Prof);
    default: return EINVAL;
    }
}

Result<ItimerValue> do_setitimer(int which, const ItimerValue& value) {
    switch (which) {
    case abi::ITIMER_REAL: return process::set_real_timer(value);
    case abi::ITIMER_VIRTUAL: return process::set_cpu_itimer(CpuTime::Virt, value);
    case abi::ITIMER_PROF: return process::set_cpu_itimer(CpuTime::Prof, value);
    default: return EINVAL;
    }
}

constinit const std::span<const Entry> kItimerCalls = kCalls;

}  // namespace syscall
