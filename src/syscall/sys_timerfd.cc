// timerfd_create(2), timerfd_settime(2), timerfd_gettime(2). Linux: fs/timerfd.c.

#include "abi/time.h"
#include "ipc/timerfd.h"
#include "process/timer/timer_clock.h"
#include "syscall/file/file_args.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

/// Not every clock that has timers; EPERM for the alarm clocks without CAP_WAKE_ALARM.
Result<time::ClockBase> timerfd_base(int clock) {
    switch (clock) {
    case abi::CLOCK_REALTIME:
    case abi::CLOCK_MONOTONIC:
    case abi::CLOCK_BOOTTIME:
    case abi::CLOCK_REALTIME_ALARM:
    case abi::CLOCK_BOOTTIME_ALARM: return TRY(process::timer_clock_of(clock)).base;
    default: return EINVAL;
    }
}

Result<u64> sys_timerfd_create(int clock, u32 flags) {
    if (flags & ~(abi::TFD_CLOEXEC | abi::TFD_NONBLOCK)) return EINVAL;
    auto file = TRY(ipc::make_timerfd(clock, TRY(timerfd_base(clock)), flags));
    auto reservation = TRY(fs::reserve_fd((flags & abi::TFD_CLOEXEC) != 0));
    const int fd = reservation.number();
    reservation.install(std::move(file));
    return u64(fd);
}

Result<void> sys_timerfd_settime(int fd, u32 flags, UserPtr<const abi::Itimerspec> user_wanted,
                                 UserPtr<abi::Itimerspec> user_old) {
    const abi::Itimerspec wanted = TRY(user_wanted.copy_in());
    if (flags & ~(abi::TFD_TIMER_ABSTIME | abi::TFD_TIMER_CANCEL_ON_SET)) return EINVAL;
    const time::TimerSpec spec = TRY(to_timer_spec(wanted));
    auto file = TRY(fget_data(fd));
    TRY(timerfd_base(TRY(ipc::timerfd_clock(*file))));
    const time::TimerSpec old = TRY(ipc::timerfd_settime(*file, flags, spec));
    if (user_old.is_null()) return {};
    return user_old.copy_out(to_itimerspec(old));
}

Result<void> sys_timerfd_gettime(int fd, UserPtr<abi::Itimerspec> to) {
    auto file = TRY(fget_data(fd));
    return to.copy_out(to_itimerspec(TRY(ipc::timerfd_gettime(*file))));
}

constexpr Entry kCalls[] = {
    {283, "timerfd_create", call<sys_timerfd_create>},
    {286, "timerfd_settime", call<sys_timerfd_settime>},
    {287, "timerfd_gettime", call<sys_timerfd_gettime>},
};

}  // namespace

constinit const std::span<const Entry> kTimerfdCalls = kCalls;

}  // namespace syscall
