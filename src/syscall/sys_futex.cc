// futex(2) and robust lists.

#include "core/time/clock.h"
#include "process/futex/futex.h"
#include "process/signal.h"
#include "sched/wait_queue.h"
#include "syscall/file/wait_args.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using process::FutexScope;

/// The arguments as they come, and what the operation's flags say.
struct FutexCall {
    VirtAddr at, at2;
    u32 command, value, value3;
    u64 timeout_or_value2;
    FutexScope scope;
    bool is_realtime;

    u32 value2() const { return static_cast<u32>(timeout_or_value2); }
    UserPtr<const abi::Timespec> timeout() const {
        return UserPtr<const abi::Timespec>(timeout_or_value2);
    }
};

/// FUTEX_WAIT counts from now, the others name a point of time: on the clock that the flag says,
/// but for FUTEX_LOCK_PI, which is older than the flag.
Result<u64> futex_deadline(const FutexCall& call) {
    if (call.timeout().is_null()) return sched::kForever;
    if (call.command == abi::FUTEX_WAIT) return deadline_in(call.timeout());
    const abi::Timespec at = TRY(call.timeout().copy_in());
    if (at.sec < 0 || at.nsec < 0 || at.nsec >= i64(time::kNsPerSec)) return EINVAL;
    if (u64(at.sec) >= sched::kForever / time::kNsPerSec - 1) return sched::kForever;
    const u64 ns = u64(at.sec) * time::kNsPerSec + u64(at.nsec);
    if (!call.is_realtime && call.command != abi::FUTEX_LOCK_PI) return ns;
    const u64 boot = time::realtime_ns() - time::now_ns();
    return ns > boot ? ns - boot : 0;
}

bool may_be_realtime(u32 command) {
    return command == abi::FUTEX_WAIT || command == abi::FUTEX_WAIT_BITSET ||
           command == abi::FUTEX_WAIT_REQUEUE_PI || command == abi::FUTEX_LOCK_PI2;
}

u64 restart_wait(sched::Task& task);

/// A wait with a deadline that a signal ended goes on after a stop, until the same deadline; after
/// a handler it is EINTR. Linux: futex_wait_restart().
Result<void> wait_until(const process::FutexWait& wait) {
    const Result<void> done = process::futex_wait(wait);
    const bool interrupted = !done.ok() && done.error() == ERESTARTSYS;
    if (!interrupted || wait.deadline_ns == sched::kForever) return done;
    sched::Task& task = sched::current();
    task.restart_data[0] = wait.at.raw();
    task.restart_data[1] = wait.deadline_ns;
    task.restart_data[2] = u64{wait.bitset} << 32 | wait.expected;
    task.restart_data[3] = u64(wait.scope);
    task.restart_function = restart_wait;
    return ERESTART_RESTARTBLOCK;
}

/// restart_syscall(2).
u64 restart_wait(sched::Task& task) {
    return to_register(wait_until({.at = VirtAddr(task.restart_data[0]),
                                   .scope = FutexScope(task.restart_data[3]),
                                   .expected = u32(task.restart_data[2]),
                                   .bitset = u32(task.restart_data[2] >> 32),
                                   .deadline_ns = task.restart_data[1]}));
}

Result<void> wait(const FutexCall& call) {
    const u64 deadline = TRY(futex_deadline(call));
    const process::FutexWait wait{call.at, call.scope, call.value, call.value3, deadline};
    if (call.command != abi::FUTEX_WAIT_REQUEUE_PI) return wait_until(wait);
    return process::futex_wait_requeue_pi(wait, call.at2);
}

Result<void> lock_pi(const FutexCall& call) {
    const u64 deadline = TRY(futex_deadline(call));
    return process::futex_lock_pi({call.at, call.scope, process::PiLocking::Waits, deadline});
}

Result<u32> requeue(const FutexCall& call) {
    if (i32(call.value) < 0 || i32(call.value2()) < 0) return EINVAL;
    const process::FutexRequeue request{
        call.at,    call.at2,      call.scope,
        call.value, call.value2(), call.command == abi::FUTEX_REQUEUE ? nullptr : &call.value3};
    if (call.command != abi::FUTEX_CMP_REQUEUE_PI) return process::futex_requeue(request);
    return process::futex_cmp_requeue_pi(request);
}

Result<u64> do_futex(FutexCall& call) {
    using namespace process;
    switch (call.command) {
    case abi::FUTEX_WAIT:
    case abi::FUTEX_WAIT_REQUEUE_PI: call.value3 = abi::FUTEX_BITSET_MATCH_ANY; [[fallthrough]];
    case abi::FUTEX_WAIT_BITSET: TRY(wait(call)); return u64{0};
    case abi::FUTEX_WAKE: call.value3 = abi::FUTEX_BITSET_MATCH_ANY; [[fallthrough]];
    case abi::FUTEX_WAKE_BITSET:
        return u64{TRY(futex_wake(call.at, call.scope, call.value, call.value3))};
    case abi::FUTEX_REQUEUE:
    case abi::FUTEX_CMP_REQUEUE:
    case abi::FUTEX_CMP_REQUEUE_PI: return u64{TRY(requeue(call))};
    case abi::FUTEX_WAKE_OP:
        return u64{TRY(futex_wake_op(
            {call.at, call.at2, call.scope, call.value, call.value2(), call.value3}))};
    case abi::FUTEX_LOCK_PI:
    case abi::FUTEX_LOCK_PI2: TRY(lock_pi(call)); return u64{0};
    case abi::FUTEX_TRYLOCK_PI:
        TRY(futex_lock_pi({call.at, call.scope, PiLocking::Tries, sched::kForever}));
        return u64{0};
    case abi::FUTEX_UNLOCK_PI: TRY(futex_unlock_pi(call.at, call.scope)); return u64{0};
    default: return ENOSYS;
    }
}

Result<u64> sys_futex(VirtAddr at, u32 op, u32 value, u64 timeout_or_value2, VirtAddr at2,
                      u32 value3) {
    const u32 command = op & ~(abi::FUTEX_PRIVATE_FLAG | abi::FUTEX_CLOCK_REALTIME);
    const bool is_realtime = op & abi::FUTEX_CLOCK_REALTIME;
    if (is_realtime && !may_be_realtime(command)) return ENOSYS;
    const bool is_private = op & abi::FUTEX_PRIVATE_FLAG;
    FutexCall call{.at = at,
                   .at2 = at2,
                   .command = command,
                   .value = value,
                   .value3 = value3,
                   .timeout_or_value2 = timeout_or_value2,
                   .scope = is_private ? FutexScope::Private : FutexScope::Shared,
                   .is_realtime = is_realtime};
    return do_futex(call);
}

Result<void> sys_set_robust_list(VirtAddr head, u64 size) {
    if (size != sizeof(abi::RobustListHead)) return EINVAL;
    sched::current().robust_list = head;
    return {};
}

Result<void> sys_get_robust_list(sched::PidNumber pid, UserPtr<u64> head, UserPtr<u64> size) {
    u64 found = sched::current().robust_list.raw();
    if (pid != 0) {
        IrqGuard guard(sched::tasks_lock);
        const sched::Task* task = sched::find_task(pid);
        if (task == nullptr) return ESRCH;
        const sched::Cred& mine = sched::current().cred;
        if (mine.euid != task->cred.uid && !mine.is_root()) return EPERM;
        found = task->robust_list.raw();
    }
    TRY(size.copy_out(sizeof(abi::RobustListHead)));
    return head.copy_out(found);
}

constexpr Entry kCalls[] = {
    {202, "futex", call<sys_futex>},
    {273, "set_robust_list", call<sys_set_robust_list>},
    {274, "get_robust_list", call<sys_get_robust_list>},
};

}  // namespace

constinit const std::span<const Entry> kFutexCalls = kCalls;

}  // namespace syscall
