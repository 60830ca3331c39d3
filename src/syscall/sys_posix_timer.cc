// POSIX timers: timer_create and relatives.

#include "abi/signal.h"
#include "abi/time.h"
#include "process/timer/posix_timer.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"
#include "syscall/time_values.h"

namespace syscall {

namespace {

using process::TimerSpec;

Result<void> sys_timer_create(int clock, UserPtr<const abi::Sigevent> user_event,
                              UserPtr<i32> user_id) {
    abi::Sigevent event{};
    if (!user_event.is_null()) event = TRY(user_event.copy_in());
    return do_timer_create(clock, user_event.is_null() ? nullptr : &event, user_id);
}

Result<void> sys_timer_settime(i32 id, int flags, UserPtr<const abi::Itimerspec> user_wanted,
                               UserPtr<abi::Itimerspec> user_old) {
    if (user_wanted.is_null()) return EINVAL;
    const TimerSpec wanted = TRY(to_timer_spec(TRY(user_wanted.copy_in())));
    const TimerSpec old =
        TRY(process::timer_settime(id, (flags & abi::TIMER_ABSTIME) != 0, wanted));
    if (user_old.is_null()) return {};
    return user_old.copy_out(to_itimerspec(old));
}

Result<void> sys_timer_gettime(i32 id, UserPtr<abi::Itimerspec> to) {
    return to.copy_out(to_itimerspec(TRY(process::timer_gettime(id))));
}

Result<i32> sys_timer_getoverrun(i32 id) { return process::timer_getoverrun(id); }

Result<void> sys_timer_delete(i32 id) { return process::timer_delete(id); }

constexpr Entry kCalls[] = {
    {222, "timer_create", call<sys_timer_create>},
    {223, "timer_settime", call<sys_timer_settime>},
    {224, "timer_gettime", call<sys_timer_gettime>},
    {225, "timer_getoverrun", call<sys_timer_getoverrun>},
    {226, "timer_delete", call<sys_timer_delete>},
};

}  // namespace

Result<void> do_timer_create(int clock, const abi::Sigevent* event, UserPtr<i32> user_id) {
    const i32 id = TRY(process::timer_create(clock, event));
    const Result<void> told = user_id.copy_out(id);
    if (!told.ok()) (void)process::timer_delete(id);
    return told;
}

constinit const std::span<const Entry> kPosixTimerCalls = kCalls;

}  // namespace syscall
