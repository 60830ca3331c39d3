// Clocks: reading and setting them.

#include "abi/time.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "process/timer/posix_clock.h"
#include "sched/sched.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using abi::Timespec;
using abi::Timeval;
using sched::Task;

constexpr u64 kNsPerTick = kNsPerSec / abi::kUserHz;

Result<const process::KClock*> find_clock(int clock) {
    const process::KClock* found = process::clockid_to_kclock(clock);
    if (found == nullptr) return EINVAL;
    return found;
}

Result<void> sys_clock_gettime(int clock, UserPtr<Timespec> to) {
    return to.copy_out(to_timespec(TRY(TRY(find_clock(clock))->now(clock))));
}

Result<void> sys_clock_getres(int clock, UserPtr<Timespec> to) {
    const u64 resolution = TRY(TRY(find_clock(clock))->resolution(clock));
    if (to.is_null()) return {};
    return to.copy_out(to_timespec(resolution));
}

Result<void> sys_clock_settime(int clock, UserPtr<const Timespec> from) {
    const process::KClock& found = *TRY(find_clock(clock));
    if (found.set == nullptr) return EINVAL;
    return found.set(TRY(to_ns(TRY(from.copy_in()))));
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
    return TRY(find_clock(abi::CLOCK_REALTIME))->set(ns);
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
