// The scheduler's knobs. Only the fair class exists: real-time policies are refused.

#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "sched/sched.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::PidNumber;
using sched::Task;

bool capable(unsigned capability) { return sched::current().cred.cap_effective >> capability & 1; }

bool may_schedule(const Task& task) {
    const sched::Cred& mine = sched::current().cred;
    return mine.euid == task.cred.uid || mine.euid == task.cred.euid || capable(abi::CAP_SYS_NICE);
}

/// A task that cannot go away while it is held. ESRCH, EINVAL for negative numbers.
Result<Ref<Task>> get_task(PidNumber pid) {
    if (pid < 0) return EINVAL;
    if (pid == 0) return Ref<Task>::share(&sched::current());
    IrqGuard guard(sched::tasks_lock);
    Task* const task = sched::find_task(pid);
    if (task == nullptr) return ESRCH;
    return Ref<Task>::share(task);
}

Result<void> sys_sched_yield() {
    sched::yield();
    return {};
}

// --- processors ----------------------------------------------------------------------------------

Result<u64> sys_sched_getaffinity(PidNumber pid, u32 size, UserPtr<u64> to) {
    const u64 possible = possible_cpus.count();
    if (u64{size} * 8 < possible || size % sizeof(u64) != 0) return EINVAL;
    const Ref<Task> task = TRY(get_task(pid));
    TRY(to.copy_out(task->cpus_allowed & online_cpus.bits()));
    return sizeof(u64);
}

Result<void> sys_sched_setaffinity(PidNumber pid, u32 size, UserPtr<const u8> from) {
    u64 mask = 0;
    TRY(copy_from_user(&mask, from.address(), std::min<usize>(size, sizeof mask)));
    const Ref<Task> task = TRY(get_task(pid));
    if (!may_schedule(*task)) return EPERM;
    if (task->has(sched::kNoSetAffinity)) return EINVAL;
    return sched::set_cpus_allowed(*task, mask);
}

Result<void> sys_getcpu(UserPtr<u32> cpu, UserPtr<u32> node, VirtAddr) {
    if (!cpu.is_null()) TRY(cpu.copy_out(cpu_id()));
    if (!node.is_null()) TRY(node.copy_out(0));
    return {};
}

// --- policies ------------------------------------------------------------------------------------

bool is_fair(u32 policy) {
    return policy == abi::SCHED_OTHER || policy == abi::SCHED_BATCH || policy == abi::SCHED_IDLE;
}
bool is_realtime(u32 policy) { return policy == abi::SCHED_FIFO || policy == abi::SCHED_RR; }

Result<void> sys_sched_setscheduler(PidNumber pid, u32 policy, UserPtr<const i32> param) {
    const i32 priority = TRY(param.copy_in());
    const u32 wanted = policy & ~abi::SCHED_RESET_ON_FORK;
    if (is_realtime(wanted)) return EPERM;  // there is no real-time class yet
    if (!is_fair(wanted) || priority != 0) return EINVAL;
    const Ref<Task> task = TRY(get_task(pid));
    if (!may_schedule(*task)) return EPERM;
    task->policy = wanted;
    return {};
}

Result<u64> sys_sched_getscheduler(PidNumber pid) { return u64{TRY(get_task(pid))->policy}; }

Result<void> sys_sched_setparam(PidNumber pid, UserPtr<const i32> param) {
    const i32 priority = TRY(param.copy_in());
    TRY(get_task(pid));
    return priority == 0 ? Result<void>() : EINVAL;
}

Result<void> sys_sched_getparam(PidNumber pid, UserPtr<i32> param) {
    const Ref<Task> task = TRY(get_task(pid));
    return param.copy_out(i32(task->rt_priority));
}

Result<u64> sys_sched_get_priority_max(u32 policy) {
    if (is_realtime(policy)) return u64{99};
    return is_fair(policy) || policy == abi::SCHED_DEADLINE ? Result<u64>(0) : EINVAL;
}
Result<u64> sys_sched_get_priority_min(u32 policy) {
    if (is_realtime(policy)) return u64{1};
    return is_fair(policy) || policy == abi::SCHED_DEADLINE ? Result<u64>(0) : EINVAL;
}

// --- nice ----------------------------------------------------------------------------------------

/// Whom getpriority() and setpriority() are about, one task at a time.
struct NiceRequest {
    int which;
    u32 who;
    int nice;  // to set
    bool setting;
    int best = 20;  // the lowest nice value seen
    bool found = false;
    Errno why = ESRCH;
};

bool matches(const NiceRequest& request, const Task& task) {
    switch (request.which) {
    case abi::PRIO_PROCESS: return task.pid == PidNumber(request.who);
    case abi::PRIO_PGRP: return task.signal && task.signal->pgrp == PidNumber(request.who);
    default: return task.cred.uid == request.who;
    }
}

void apply(NiceRequest& request, Task& task) {
    if (!request.setting) {
        request.found = true;
        request.best = std::min(request.best, task.nice);
        return;
    }
    if (!may_schedule(task)) {
        request.why = EPERM;
        return;
    }
    const u64 limit = task.signal ? task.signal->rlimits[abi::RLIMIT_NICE].current : 0;
    const bool allowed = u64(20 - request.nice) <= limit || capable(abi::CAP_SYS_NICE);
    if (request.nice < task.nice && !allowed) {
        request.why = EACCES;
        return;
    }
    request.found = true;
    sched::set_user_nice(task, request.nice);
}

Result<void> for_matching(NiceRequest& request) {
    if (request.which < abi::PRIO_PROCESS || request.which > abi::PRIO_USER) return EINVAL;
    const Task& self = sched::current();
    if (request.who == 0) {
        const u32 own[] = {u32(self.pid), u32(self.signal->pgrp), self.cred.uid};
        request.who = own[request.which];
    }
    IrqGuard guard(sched::tasks_lock);
    for (Task* task = sched::next_task(1); task; task = sched::next_task(task->pid + 1)) {
        if (matches(request, *task)) apply(request, *task);
    }
    return request.found ? Result<void>() : request.why;
}

/// The kernel returns 20 - nice, so that no result looks like an error.
Result<u64> sys_getpriority(int which, u32 who) {
    NiceRequest request{.which = which, .who = who, .nice = 0, .setting = false};
    TRY(for_matching(request));
    return u64(20 - request.best);
}

Result<void> sys_setpriority(int which, u32 who, int nice) {
    NiceRequest request{
        .which = which, .who = who, .nice = std::max(-20, std::min(nice, 19)), .setting = true};
    return for_matching(request);
}

constexpr Entry kCalls[] = {
    {24, "sched_yield", call<sys_sched_yield>},
    {140, "getpriority", call<sys_getpriority>},
    {141, "setpriority", call<sys_setpriority>},
    {142, "sched_setparam", call<sys_sched_setparam>},
    {143, "sched_getparam", call<sys_sched_getparam>},
    {144, "sched_setscheduler", call<sys_sched_setscheduler>},
    {145, "sched_getscheduler", call<sys_sched_getscheduler>},
    {146, "sched_get_priority_max", call<sys_sched_get_priority_max>},
    {147, "sched_get_priority_min", call<sys_sched_get_priority_min>},
    {203, "sched_setaffinity", call<sys_sched_setaffinity>},
    {204, "sched_getaffinity", call<sys_sched_getaffinity>},
    {309, "getcpu", call<sys_getcpu>},
};

}  // namespace

constinit const std::span<const Entry> kSchedCalls = kCalls;

}  // namespace syscall
