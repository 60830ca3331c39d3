// Calls of i386 about clocks and timers, and the wait for a signal: structures with words of 32
// bits. Linux: kernel/time/{posix-timers,itimer}.c (COMPAT_SYSCALL_DEFINE).

#include <array>

#include "abi/signal.h"
#include "abi/time.h"
#include "process/timer/posix_timer.h"
#include "syscall/file/wait_args.h"
#include "syscall/i386/compat.h"
#include "syscall/i386/siginfo.h"
#include "syscall/process_calls.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using abi::Timespec32;
using process::ItimerValue;
using process::TimerSpec;

abi::Timeval to_timeval(const abi::Timeval32& from) { return {from.sec, from.usec}; }

/// Seconds that do not fit are cut, as Linux cuts them.
Timespec32 to_timespec32(u64 ns) {
    return {static_cast<i32>(ns / kNsPerSec), static_cast<i32>(ns % kNsPerSec)};
}
abi::Timeval32 to_timeval32(u64 ns) {
    return {static_cast<i32>(ns / kNsPerSec), static_cast<i32>(ns % kNsPerSec / 1000)};
}

// --- clocks --------------------------------------------------------------------------------------

Result<void> clock_gettime(int clock, UserPtr<Timespec32> to) {
    return to.copy_out(to_timespec32(TRY(do_clock_gettime(clock))));
}

Result<void> clock_getres(int clock, UserPtr<Timespec32> to) {
    const u64 resolution = TRY(do_clock_getres(clock));
    if (to.is_null()) return {};
    return to.copy_out(to_timespec32(resolution));
}

Result<void> clock_settime(int clock, UserPtr<const Timespec32> from) {
    const process::KClock& found = *TRY(find_settable_clock(clock));
    return found.set(clock, TRY(to_ns(to_timespec(TRY(from.copy_in())))));
}

struct Tms32 {
    i32 utime, stime, cutime, cstime;
};
Result<u64> times(UserPtr<Tms32> to) {
    const abi::Tms tms = process_tms();
    if (!to.is_null()) {
        TRY(to.copy_out({static_cast<i32>(tms.utime), static_cast<i32>(tms.stime),
                         static_cast<i32>(tms.cutime), static_cast<i32>(tms.cstime)}));
    }
    return ticks_since_boot();
}

// --- interval timers -----------------------------------------------------------------------------

abi::Itimerval32 to_itimerval32(const ItimerValue& value) {
    return {to_timeval32(value.interval_ns), to_timeval32(value.left_ns)};
}

Result<void> getitimer(int which, UserPtr<abi::Itimerval32> to) {
    return to.copy_out(to_itimerval32(TRY(do_getitimer(which))));
}

Result<void> setitimer(int which, UserPtr<const abi::Itimerval32> wanted,
                       UserPtr<abi::Itimerval32> old) {
    ItimerValue value{0, 0};
    if (!wanted.is_null()) {
        const abi::Itimerval32 timer = TRY(wanted.copy_in());
        value = {TRY(to_ns(to_timeval(timer.value))), TRY(to_ns(to_timeval(timer.interval)))};
    }
    const ItimerValue before = TRY(do_setitimer(which, value));
    if (old.is_null()) return {};
    return old.copy_out(to_itimerval32(before));
}

// --- POSIX timers --------------------------------------------------------------------------------

/// struct sigevent of i386, 64 bytes as everywhere.
struct Sigevent32 {
    u32 value;
    i32 signo, notify, thread_id;
    i32 reserved[12];
};
static_assert(sizeof(Sigevent32) == 64);

Result<void> timer_create(int clock, UserPtr<const Sigevent32> from, UserPtr<i32> user_id) {
    abi::Sigevent event{};
    if (!from.is_null()) {
        const Sigevent32 given = TRY(from.copy_in());
        event.value = given.value;
        event.signo = given.signo;
        event.notify = given.notify;
        event.thread_id = given.thread_id;
    }
    return do_timer_create(clock, from.is_null() ? nullptr : &event, user_id);
}

abi::Itimerspec32 to_itimerspec32(const TimerSpec& from) {
    return {to_timespec32(from.interval_ns), to_timespec32(from.value_ns)};
}

Result<void> timer_settime(i32 id, int flags, UserPtr<const abi::Itimerspec32> wanted,
                           UserPtr<abi::Itimerspec32> old) {
    if (wanted.is_null()) return EINVAL;
    const abi::Itimerspec32 given = TRY(wanted.copy_in());
    const TimerSpec spec =
        TRY(to_timer_spec({to_timespec(given.interval), to_timespec(given.value)}));
    const TimerSpec before =
        TRY(process::timer_settime(id, (flags & abi::TIMER_ABSTIME) != 0, spec));
    if (old.is_null()) return {};
    return old.copy_out(to_itimerspec32(before));
}

Result<void> timer_gettime(i32 id, UserPtr<abi::Itimerspec32> to) {
    return to.copy_out(to_itimerspec32(TRY(process::timer_gettime(id))));
}

// --- waiting for a signal ------------------------------------------------------------------------

Result<u64> rt_sigtimedwait(UserPtr<const std::array<u32, 2>> set, UserPtr<SigInfo32> to,
                            UserPtr<const Timespec32> timeout, u32 size) {
    if (size != sizeof(u64)) return EINVAL;
    const std::array<u32, 2> words = TRY(set.copy_in());
    u64 deadline = sched::kForever;
    if (!timeout.is_null()) deadline = TRY(deadline_after(to_timespec(TRY(timeout.copy_in()))));
    abi::SigInfo info;
    const int number = TRY(do_sigtimedwait(u64{words[1]} << 32 | words[0], deadline, info));
    if (!to.is_null()) TRY(to.copy_out(to_siginfo32(info)));
    return static_cast<u64>(number);
}

constexpr Entry kCalls[] = {
    {43, "times", call_i386<times>},
    {104, "setitimer", call_i386<setitimer>},
    {105, "getitimer", call_i386<getitimer>},
    {177, "rt_sigtimedwait", call_i386<rt_sigtimedwait>},
    {259, "timer_create", call_i386<timer_create>},
    {260, "timer_settime", call_i386<timer_settime>},
    {261, "timer_gettime", call_i386<timer_gettime>},
    {264, "clock_settime", call_i386<clock_settime>},
    {265, "clock_gettime", call_i386<clock_gettime>},
    {266, "clock_getres", call_i386<clock_getres>},
};

}  // namespace

constinit const std::span<const Entry> kTimerCalls386 = kCalls;

}  // namespace syscall
