// Clocks: reading and setting them.

#include "abi/prctl.h"
#include "abi/time.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "sched/sched.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using abi::Timespec;
using abi::Timeval;
using sched::Task;

constexpr u64 kNsPerTick = kNsPerSec / abi::kUserHz;

bool may_set_time() { return sched::current().cred.cap_effective >> abi::CAP_SYS_TIME & 1; }

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
    const u64 now = time::realtime_ns() / kNsPerSec;
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

constexpr Entry kCalls[] = {
    {96, "gettimeofday", call<sys_gettimeofday>},
    {100, "times", call<sys_times>},
    {164, "settimeofday", call<sys_settimeofday>},
    {201, "time", call<sys_time>},
    {227, "clock_settime", call<sys_clock_settime>},
    {228, "clock_gettime", call<sys_clock_gettime>},
    {229, "clock_getres", call<sys_clock_getres>},
};

}  // namespace

constinit const std::span<const Entry> kClockCalls = kCalls;

}  // namespace syscall
