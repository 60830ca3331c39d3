// Limits and usage.

#include "abi/prctl.h"
#include "abi/resource.h"
#include "process/timer/cpu_timer.h"
#include "syscall/process_calls.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using abi::Rlimit;
using sched::Task;

constexpr u64 kMaxOpenFiles = 1 << 20;  // Linux' sysctl fs.nr_open

using sched::capable;

Result<void> check_limit(u32 resource, const Rlimit& old, const Rlimit& wanted) {
    if (wanted.current > wanted.maximum) return EINVAL;
    if (resource == abi::RLIMIT_NOFILE && wanted.maximum > kMaxOpenFiles) return EPERM;
    if (wanted.maximum > old.maximum && !capable(abi::CAP_SYS_RESOURCE)) return EPERM;
    return {};
}

/// Reads, and changes if `wanted` is given, a limit of a process.
Result<Rlimit> do_prlimit(Task& task, u32 resource, const Rlimit* wanted) {
    if (resource >= abi::kRlimits) return EINVAL;
    Rlimit& limit = task.signal->rlimits[resource];
    const Rlimit old = limit;
    if (wanted) {
        TRY(check_limit(resource, old, *wanted));
        limit = *wanted;
        if (resource == abi::RLIMIT_CPU) process::recheck_cpu_timers(*task.signal);
    }
    return Rlimit(old);
}

Result<void> sys_getrlimit(u32 resource, UserPtr<Rlimit> to) {
    return to.copy_out(TRY(do_getrlimit(resource)));
}

Result<void> sys_setrlimit(u32 resource, UserPtr<const Rlimit> from) {
    return do_setrlimit(resource, TRY(from.copy_in()));
}

Result<Rlimit> prlimit_of(sched::PidNumber pid, u32 resource, const Rlimit* wanted) {
    Task& self = sched::current();
    if (pid == 0 || pid == self.tgid) return do_prlimit(self, resource, wanted);
    IrqGuard guard(sched::tasks_lock);
    Task* const task = sched::find_task(pid);
    if (task == nullptr || task->signal == nullptr) return ESRCH;
    const sched::Cred &mine = self.cred, &theirs = task->cred;
    const bool same = mine.uid == theirs.uid && mine.uid == theirs.euid &&
                      mine.uid == theirs.suid && mine.gid == theirs.gid &&
                      mine.gid == theirs.egid && mine.gid == theirs.sgid;
    if (!same && !capable(abi::CAP_SYS_RESOURCE)) return EPERM;
    return do_prlimit(*task, resource, wanted);
}

Result<void> sys_prlimit64(sched::PidNumber pid, u32 resource, UserPtr<const Rlimit> from,
                           UserPtr<Rlimit> to) {
    Rlimit wanted;
    if (!from.is_null()) wanted = TRY(from.copy_in());
    const Rlimit old = TRY(prlimit_of(pid, resource, from.is_null() ? nullptr : &wanted));
    if (to.is_null()) return {};
    return to.copy_out(old);
}

Result<void> sys_getrusage(int who, UserPtr<abi::Rusage> to) {
    if (!is_rusage_target(who)) return EINVAL;
    return to.copy_out(process::get_rusage(sched::current(), who));
}

constexpr Entry kCalls[] = {
    {97, "getrlimit", call<sys_getrlimit>},
    {98, "getrusage", call<sys_getrusage>},
    {160, "setrlimit", call<sys_setrlimit>},
    {302, "prlimit64", call<sys_prlimit64>},
};

}  // namespace

Result<Rlimit> do_getrlimit(u32 resource) {
    return do_prlimit(sched::current(), resource, nullptr);
}

Result<void> do_setrlimit(u32 resource, const Rlimit& wanted) {
    TRY(do_prlimit(sched::current(), resource, &wanted));
    return {};
}

bool is_rusage_target(int who) {
    return who == abi::RUSAGE_SELF || who == abi::RUSAGE_CHILDREN || who == abi::RUSAGE_THREAD;
}

constinit const std::span<const Entry> kResourceCalls = kCalls;

}  // namespace syscall
