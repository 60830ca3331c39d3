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

/// FUTEX_WAIT counts from now; FUTEX_WAIT_BITSET names a point of time, on either clock.
Result<u64> futex_deadline(u32 command, bool realtime, UserPtr<const abi::Timespec> timeout) {
    if (timeout.is_null()) return sched::kForever;
    if (command == abi::FUTEX_WAIT) return deadline_in(timeout);
    const abi::Timespec at = TRY(timeout.copy_in());
    if (at.sec < 0 || at.nsec < 0 || at.nsec >= i64(time::kNsPerSec)) return EINVAL;
    if (u64(at.sec) >= sched::kForever / time::kNsPerSec - 1) return sched::kForever;
    const u64 ns = u64(at.sec) * time::kNsPerSec + u64(at.nsec);
    if (!realtime) return ns;
    const u64 boot = time::realtime_ns() - time::now_ns();
    return ns > boot ? ns - boot : 0;
}

Result<u64> sys_futex(VirtAddr at, u32 op, u32 value, u64 timeout_or_value2, VirtAddr at2,
                      u32 value3) {
    const u32 command = op & ~(abi::FUTEX_PRIVATE_FLAG | abi::FUTEX_CLOCK_REALTIME);
    const bool realtime = op & abi::FUTEX_CLOCK_REALTIME;
    const FutexScope scope =
        (op & abi::FUTEX_PRIVATE_FLAG) ? FutexScope::Private : FutexScope::Shared;
    const bool waits = command == abi::FUTEX_WAIT || command == abi::FUTEX_WAIT_BITSET;
    if (realtime && !waits) return ENOSYS;
    const u32 value2 = static_cast<u32>(timeout_or_value2);
    switch (command) {
    case abi::FUTEX_WAIT: value3 = abi::FUTEX_BITSET_MATCH_ANY; [[fallthrough]];
    case abi::FUTEX_WAIT_BITSET: {
        const u64 deadline =
            TRY(futex_deadline(command, realtime, UserPtr<const abi::Timespec>(timeout_or_value2)));
        TRY(process::futex_wait({at, scope, value, value3, deadline}));
        return u64{0};
    }
    case abi::FUTEX_WAKE: value3 = abi::FUTEX_BITSET_MATCH_ANY; [[fallthrough]];
    case abi::FUTEX_WAKE_BITSET: return u64{TRY(process::futex_wake(at, scope, value, value3))};
    case abi::FUTEX_REQUEUE:
    case abi::FUTEX_CMP_REQUEUE: {
        if (i32(value) < 0 || i32(value2) < 0) return EINVAL;
        const u32* expected = command == abi::FUTEX_CMP_REQUEUE ? &value3 : nullptr;
        return u64{TRY(process::futex_requeue({at, at2, scope, value, value2, expected}))};
    }
    case abi::FUTEX_WAKE_OP:
        return u64{TRY(process::futex_wake_op({at, at2, scope, value, value2, value3}))};
    default: return ENOSYS;
    }
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
