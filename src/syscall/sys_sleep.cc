// Sleeping: nanosleep, clock_nanosleep.

#include "abi/time.h"
#include "core/time/clock.h"
#include "process/timer/cpu_timer.h"
#include "process/timer/timer_clock.h"
#include "sched/hrtimer_sleep.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using abi::Timespec;
using sched::Task;
using time::ClockBase;

/// A sleep that a signal ended and nothing but a handler ends for good. Linux: restart_block.
struct RestartBlock {
    u64 deadline_ns;
    RestOfSleep remaining;
    int clock;
};

void keep(Task& task, const RestartBlock& block, u64 (*function)(Task&)) {
    task.restart_data[0] = block.deadline_ns;
    task.restart_data[1] = block.remaining.at.raw();
    task.restart_data[2] = u64(block.clock);
    task.restart_data[3] = block.remaining.is_32;
    task.restart_function = function;
}
RestartBlock kept(const Task& task) {
    const RestOfSleep remaining{VirtAddr(task.restart_data[1]), task.restart_data[3] != 0};
    return {task.restart_data[0], remaining, int(task.restart_data[2])};
}

Result<void> tell_rest(const RestOfSleep& to, const Timespec& left) {
    if (to.at.raw() == 0) return {};
    if (!to.is_32) return UserPtr<Timespec>(to.at).copy_out(left);
    return UserPtr<abi::Timespec32>(to.at).copy_out({i32(left.sec), i32(left.nsec)});
}

/// The sleep was interrupted: tells what is left, and how to go on if no handler runs.
Result<void> interrupted(const RestartBlock& block, u64 left_ns, u64 (*function)(Task&)) {
    if (left_ns == 0) return {};
    TRY(tell_rest(block.remaining, to_timespec(left_ns)));
    keep(sched::current(), block, function);
    return ERESTART_RESTARTBLOCK;
}

// --- on the clocks of timers ---------------------------------------------------------------------

u64 restart_sleep(Task& task);

/// A distance counts on a clock that nobody sets.
ClockBase base_of_distance(ClockBase clock) {
    return clock == ClockBase::Realtime ? ClockBase::Monotonic : clock;
}

Result<void> sleep_relative(const RestartBlock& block) {
    const auto base = static_cast<ClockBase>(block.clock);
    if (sched::hrtimer_sleep(base, block.deadline_ns).ok()) return {};
    const u64 now = time::now_ns() + u64(time::clock_offset_ns(base));
    const u64 left = block.deadline_ns > now ? block.deadline_ns - now : 0;
    return interrupted(block, left, restart_sleep);
}

/// restart_syscall(2) after a stop: sleeps for what is left.
u64 restart_sleep(Task& task) { return to_register(sleep_relative(kept(task))); }

Result<void> sleep_for(ClockBase clock, u64 ns, RestOfSleep remaining) {
    const ClockBase base = base_of_distance(clock);
    const u64 now = time::now_ns() + u64(time::clock_offset_ns(base));
    return sleep_relative({now + ns, remaining, int(base)});
}

Result<void> sleep_until(ClockBase clock, u64 deadline_ns) {
    if (sched::hrtimer_sleep(clock, deadline_ns).ok()) return {};
    return ERESTARTNOHAND;  // the same call again: its time is absolute
}

// --- on the clock of a process or thread ---------------------------------------------------------

u64 restart_cpu_sleep(Task& task);

Result<void> sleep_on_cpu(int clock, u64 ns, bool absolute, RestOfSleep remaining) {
    const process::CpuClock cpu = *process::cpu_clock_of(clock);
    const bool own = cpu.pid == 0 || cpu.pid == sched::current().pid;
    if (cpu.per_thread && own) return EINVAL;  // it stands still while the thread sleeps
    const process::CpuSleep slept = TRY(process::sleep_on_cpu_clock(cpu, ns, absolute));
    if (slept.left_ns == 0) return {};
    if (absolute) return ERESTARTNOHAND;
    return interrupted({slept.deadline_ns, remaining, clock}, slept.left_ns, restart_cpu_sleep);
}

u64 restart_cpu_sleep(Task& task) {
    const RestartBlock block = kept(task);
    const process::CpuClock cpu = *process::cpu_clock_of(block.clock);
    auto slept = process::sleep_on_cpu_clock(cpu, block.deadline_ns, true);
    if (!slept.ok()) return -static_cast<u64>(slept.error());
    return to_register(interrupted(block, slept.value().left_ns, restart_cpu_sleep));
}

// --- the calls -----------------------------------------------------------------------------------

Result<void> sys_nanosleep(UserPtr<const Timespec> wanted, VirtAddr remaining) {
    return do_nanosleep(TRY(wanted.copy_in()), {remaining});
}

/// An unknown clock comes before a bad pointer.
Result<void> sys_clock_nanosleep(int clock, int flags, UserPtr<const Timespec> wanted,
                                 VirtAddr remaining) {
    TRY(process::timer_clock_of(clock));
    return do_clock_nanosleep(clock, flags, TRY(wanted.copy_in()), {remaining});
}

constexpr Entry kCalls[] = {
    {35, "nanosleep", call<sys_nanosleep>},
    {230, "clock_nanosleep", call<sys_clock_nanosleep>},
};

}  // namespace

Result<void> do_nanosleep(const Timespec& wanted, RestOfSleep rest) {
    return sleep_for(ClockBase::Monotonic, TRY(to_ns(wanted)), rest);
}

Result<void> do_clock_nanosleep(int clock, int flags, const Timespec& wanted, RestOfSleep rest) {
    const process::TimerClock found = TRY(process::timer_clock_of(clock));
    if (clock == abi::CLOCK_THREAD_CPUTIME_ID) return EOPNOTSUPP;
    const u64 ns = TRY(to_ns(wanted));
    const bool absolute = flags & abi::TIMER_ABSTIME;
    if (found.cpu) return sleep_on_cpu(clock, ns, absolute, rest);
    return absolute ? sleep_until(found.base, ns) : sleep_for(found.base, ns, rest);
}

constinit const std::span<const Entry> kSleepCalls = kCalls;

}  // namespace syscall
