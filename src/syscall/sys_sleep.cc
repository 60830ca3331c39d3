// Sleeping: nanosleep, clock_nanosleep.

#include "abi/time.h"
#include "core/time/clock.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using abi::Timespec;
using sched::Task;

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

constexpr Entry kCalls[] = {
    {35, "nanosleep", call<sys_nanosleep>},
    {230, "clock_nanosleep", call<sys_clock_nanosleep>},
};

}  // namespace

constinit const std::span<const Entry> kSleepCalls = kCalls;

}  // namespace syscall
