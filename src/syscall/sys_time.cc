// Clocks, sleeping, interval timers.

#include "abi/prctl.h"
#include "abi/time.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using abi::Timespec;
using abi::Timeval;
using sched::Task;

constexpr u64 kSec = time::kNsPerSec;
constexpr u64 kNsPerTick = kSec / abi::kUserHz;
constexpr u64 kLongestSec = ~u64{0} / kSec / 2;  // beyond: for ever

Timespec to_timespec(u64 ns) { return {i64(ns / kSec), i64(ns % kSec)}; }
Timeval to_timeval(u64 ns) { return {i64(ns / kSec), i64(ns % kSec / 1000)}; }

Result<u64> to_ns(const Timespec& from) {
    if (from.sec < 0 || from.nsec < 0 || from.nsec >= i64(kSec)) return EINVAL;
    return std::min(u64(from.sec), kLongestSec) * kSec + u64(from.nsec);
}
Result<u64> to_ns(const Timeval& from) {
    if (from.sec < 0 || from.usec < 0 || from.usec >= 1'000'000) return EINVAL;
    return std::min(u64(from.sec), kLongestSec) * kSec + u64(from.usec) * 1000;
}

bool may_set_time() { return sched::current().cred.cap_effective >> abi::CAP_SYS_TIME & 1; }

// --- clocks --------------------------------------------------------------------------------------

/// Clocks with negative numbers measure a process or thread: ~pid << 3 | 4 for a thread | what.
Result<u64> cpu_clock(int clock) {
    constexpr int kPerThread = 4, kSchedClock = 2;
    const sched::PidNumber pid = ~(clock >> 3);
    if ((clock & 3) > kSchedClock) return EINVAL;
    IrqGuard guard(sched::tasks_lock);
    Task* const task = pid == 0 ? &sched::current() : sched::find_task(pid);
    if (task == nullptr || task->signal == nullptr) return EINVAL;
    if (clock & kPerThread) {
        if (task->tgid != sched::current().tgid) return EINVAL;
        const sched::CpuTimes times = sched::cpu_times(*task);
        return times.user_ns + times.system_ns;
    }
    const process::CpuTimes times = process::process_times_locked(*task);
    return times.user_ns + times.system_ns;
}

Result<u64> read_clock(int clock) {
    switch (clock) {
    case abi::CLOCK_REALTIME:
    case abi::CLOCK_REALTIME_COARSE:
    case abi::CLOCK_REALTIME_ALARM:
    case abi::CLOCK_TAI: return time::realtime_ns();
    case abi::CLOCK_MONOTONIC:
    case abi::CLOCK_MONOTONIC_RAW:
    case abi::CLOCK_MONOTONIC_COARSE:
    case abi::CLOCK_BOOTTIME:
    case abi::CLOCK_BOOTTIME_ALARM: return time::now_ns();
    case abi::CLOCK_PROCESS_CPUTIME_ID: {
        const process::CpuTimes times = process::process_times(sched::current());
        return times.user_ns + times.system_ns;
    }
    case abi::CLOCK_THREAD_CPUTIME_ID: {
        const sched::CpuTimes times = sched::cpu_times(sched::current());
        return times.user_ns + times.system_ns;
    }
    default: return clock < 0 ? cpu_clock(clock) : Result<u64>(EINVAL);
    }
}

Result<void> sys_clock_gettime(int clock, UserPtr<Timespec> to) {
    return to.copy_out(to_timespec(TRY(read_clock(clock))));
}

Result<void> sys_clock_getres(int clock, UserPtr<Timespec> to) {
    TRY(read_clock(clock));
    if (to.is_null()) return {};
    return to.copy_out({0, 1});
}

Result<void> sys_clock_settime(int clock, UserPtr<const Timespec> from) {
    if (clock != abi::CLOCK_REALTIME) return EINVAL;
    const u64 ns = TRY(to_ns(TRY(from.copy_in())));
    if (!may_set_time()) return EPERM;
    time::set_realtime_ns(ns);
    return {};
}

Result<void> sys_gettimeofday(UserPtr<Timeval> to, UserPtr<abi::Timezone> zone) {
    if (!to.is_null()) TRY(to.copy_out(to_timeval(time::realtime_ns())));
    if (!zone.is_null()) TRY(zone.copy_out({0, 0}));
    return {};
}

Result<void> sys_settimeofday(UserPtr<const Timeval> from, UserPtr<const abi::Timezone> zone) {
    if (!zone.is_null()) TRY(zone.copy_in());  // accepted, and like Linux' kept by nobody
    if (from.is_null()) return {};
    const u64 ns = TRY(to_ns(TRY(from.copy_in())));
    if (!may_set_time()) return EPERM;
    time::set_realtime_ns(ns);
    return {};
}

Result<u64> sys_time(UserPtr<i64> to) {
    const u64 now = time::realtime_ns() / kSec;
    if (!to.is_null()) TRY(to.copy_out(i64(now)));
    return now;
}

Result<u64> sys_times(UserPtr<abi::Tms> to) {
    Task& task = sched::current();
    if (!to.is_null()) {
        const process::CpuTimes own = process::process_times(task);
        TRY(to.copy_out({.utime = i64(own.user_ns / kNsPerTick),
                         .stime = i64(own.system_ns / kNsPerTick),
                         .cutime = i64(task.signal->child_user_ns.load() / kNsPerTick),
                         .cstime = i64(task.signal->child_system_ns.load() / kNsPerTick)}));
    }
    return time::now_ns() / kNsPerTick;
}

// --- sleeping ------------------------------------------------------------------------------------

/// restart_syscall(2) after a stop: sleeps for what is left. restart_data: deadline, where the rest
/// goes if a handler ends the sleep.
u64 restart_sleep(Task& task);

Result<void> sleep_relative(u64 deadline_ns, VirtAddr remaining) {
    if (sched::sleep_until(deadline_ns).ok()) return {};
    Task& task = sched::current();
    if (remaining.raw() != 0) {
        const u64 now = time::now_ns();
        const u64 left = deadline_ns > now ? deadline_ns - now : 0;
        TRY(UserPtr<Timespec>(remaining).copy_out(to_timespec(left)));
    }
    task.restart_data[0] = deadline_ns;
    task.restart_data[1] = remaining.raw();
    task.restart_function = restart_sleep;
    return ERESTART_RESTARTBLOCK;
}

u64 restart_sleep(Task& task) {
    return to_register(sleep_relative(task.restart_data[0], VirtAddr(task.restart_data[1])));
}

Result<void> sys_nanosleep(UserPtr<const Timespec> wanted, VirtAddr remaining) {
    const u64 ns = TRY(to_ns(TRY(wanted.copy_in())));
    return sleep_relative(time::now_ns() + ns, remaining);
}

Result<void> sys_clock_nanosleep(int clock, int flags, UserPtr<const Timespec> wanted,
                                 VirtAddr remaining) {
    const bool realtime = clock == abi::CLOCK_REALTIME || clock == abi::CLOCK_TAI;
    const bool monotonic = clock == abi::CLOCK_MONOTONIC || clock == abi::CLOCK_BOOTTIME;
    if (clock == abi::CLOCK_PROCESS_CPUTIME_ID) return EOPNOTSUPP;
    if (!realtime && !monotonic) return EINVAL;
    const u64 ns = TRY(to_ns(TRY(wanted.copy_in())));
    if (!(flags & abi::TIMER_ABSTIME)) return sleep_relative(time::now_ns() + ns, remaining);
    const u64 boot = realtime ? time::realtime_ns() - time::now_ns() : 0;
    if (ns <= boot || sched::sleep_until(ns - boot).ok()) return {};
    return ERESTARTNOHAND;  // the same call again: its time is absolute
}

// --- interval timers -----------------------------------------------------------------------------

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
    const process::RealTimerValue before = TRY(process::set_real_timer({seconds * kSec, 0}));
    // Rounded, but what still runs is never 0.
    const u64 left = (before.left_ns + kSec / 2) / kSec;
    return left == 0 && before.left_ns != 0 ? u64{1} : u64{left};
}

constexpr Entry kCalls[] = {
    {35, "nanosleep", call<sys_nanosleep>},
    {36, "getitimer", call<sys_getitimer>},
    {37, "alarm", call<sys_alarm>},
    {38, "setitimer", call<sys_setitimer>},
    {96, "gettimeofday", call<sys_gettimeofday>},
    {100, "times", call<sys_times>},
    {164, "settimeofday", call<sys_settimeofday>},
    {201, "time", call<sys_time>},
    {227, "clock_settime", call<sys_clock_settime>},
    {228, "clock_gettime", call<sys_clock_gettime>},
    {229, "clock_getres", call<sys_clock_getres>},
    {230, "clock_nanosleep", call<sys_clock_nanosleep>},
};

}  // namespace

constinit const std::span<const Entry> kTimeCalls = kCalls;

}  // namespace syscall
