// Clocks: reading and setting them.

#include "abi/prctl.h"
#include "abi/time.h"
#include "abi/timex.h"
#include "core/time/clock.h"
#include "core/time/timekeeping.h"
#include "process/process.h"
#include "process/timer/posix_clock.h"
#include "sched/sched.h"
#include "syscall/process_calls.h"
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
    return to.copy_out(to_timespec(TRY(do_clock_gettime(clock))));
}

Result<void> sys_clock_getres(int clock, UserPtr<Timespec> to) {
    const u64 resolution = TRY(do_clock_getres(clock));
    if (to.is_null()) return {};
    return to.copy_out(to_timespec(resolution));
}

Result<void> sys_clock_settime(int clock, UserPtr<const Timespec> from) {
    const process::KClock& found = *TRY(find_settable_clock(clock));
    return found.set(clock, TRY(to_ns(TRY(from.copy_in()))));
}

Result<void> sys_gettimeofday(UserPtr<Timeval> to, UserPtr<abi::Timezone> zone) {
    if (!to.is_null()) TRY(to.copy_out(to_timeval(time::realtime_ns())));
    if (zone.is_null()) return {};
    const time::TimeZone kept = time::time_zone();
    return zone.copy_out({kept.minutes_west, kept.dst_time});
}

bool may_set_time() { return sched::capable(abi::CAP_SYS_TIME); }

Result<void> sys_settimeofday(UserPtr<const Timeval> from, UserPtr<const abi::Timezone> zone) {
    u64 ns = 0;
    abi::Timezone wanted{};
    if (!from.is_null()) ns = TRY(to_ns(TRY(from.copy_in())));
    if (!zone.is_null()) wanted = TRY(zone.copy_in());
    if (!may_set_time()) return EPERM;
    if (!zone.is_null()) {
        TRY(time::set_time_zone({wanted.minutes_west, wanted.dst_time}, !from.is_null()));
    }
    if (from.is_null()) return {};
    return time::set_realtime_ns(ns);
}

Result<u64> sys_time(UserPtr<i64> to) {
    const u64 now = time::realtime_coarse_ns() / kNsPerSec;
    if (!to.is_null()) TRY(to.copy_out(i64(now)));
    return now;
}

/// Looking is free; so is looking at what adjtime(3) has left to do.
Result<void> may_adjust(const abi::Timex& timex) {
    const bool is_adjtime = timex.modes & abi::ADJ_ADJTIME;
    if (is_adjtime && !(timex.modes & abi::ADJ_OFFSET_SINGLESHOT)) return EINVAL;
    const bool looks = is_adjtime ? timex.modes & abi::ADJ_OFFSET_READONLY : timex.modes == 0;
    if (!looks && !may_set_time()) return EPERM;
    return {};
}

Result<u64> adjust_clock(UserPtr<abi::Timex> timex, abi::Timex& value) {
    TRY(may_adjust(value));
    const int state = TRY(time::do_adjtimex(value));
    TRY(timex.copy_out(value));
    return u64(state);
}

Result<u64> sys_adjtimex(UserPtr<abi::Timex> timex) {
    abi::Timex value = TRY(timex.copy_in());
    return adjust_clock(timex, value);
}

Result<u64> sys_clock_adjtime(int clock, UserPtr<abi::Timex> timex) {
    abi::Timex value = TRY(timex.copy_in());
    const process::KClock& found = *TRY(find_clock(clock));
    if (!found.is_adjustable) return EOPNOTSUPP;
    return adjust_clock(timex, value);
}

Result<u64> sys_times(UserPtr<abi::Tms> to) {
    if (!to.is_null()) TRY(to.copy_out(process_tms()));
    return ticks_since_boot();
}

constexpr Entry kCalls[] = {
    {96, "gettimeofday", call<sys_gettimeofday>},
    {100, "times", call<sys_times>},
    {159, "adjtimex", call<sys_adjtimex>},
    {164, "settimeofday", call<sys_settimeofday>},
    {201, "time", call<sys_time>},
    {227, "clock_settime", call<sys_clock_settime>},
    {228, "clock_gettime", call<sys_clock_gettime>},
    {229, "clock_getres", call<sys_clock_getres>},
    {305, "clock_adjtime", call<sys_clock_adjtime>},
};

}  // namespace

Result<u64> do_clock_gettime(int clock) { return TRY(find_clock(clock))->now(clock); }
Result<u64> do_clock_getres(int clock) { return TRY(find_clock(clock))->resolution(clock); }

Result<const process::KClock*> find_settable_clock(int clock) {
    const process::KClock* found = TRY(find_clock(clock));
    if (found->set == nullptr) return EINVAL;
    return found;
}

abi::Tms process_tms() {
    Task& task = sched::current();
    const process::CpuTimes own = process::process_times(task);
    return {.utime = i64(own.user_ns / kNsPerTick),
            .stime = i64(own.system_ns / kNsPerTick),
            .cutime = i64(task.signal->children.user_ns.load() / kNsPerTick),
            .cstime = i64(task.signal->children.system_ns.load() / kNsPerTick)};
}
u64 ticks_since_boot() { return time::now_ns() / kNsPerTick; }

constinit const std::span<const Entry> kClockCalls = kCalls;

}  // namespace syscall
