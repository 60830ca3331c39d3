// How a task is scheduled: sched_setscheduler(2), sched_setattr(2) and their like. Linux:
// kernel/sched/core.c (__sched_setscheduler, sched_copy_attr).

#include "abi/resource.h"
#include "abi/sched.h"
#include "sched/policy.h"
#include "sched/signal_struct.h"
#include "syscall/sched_target.h"
#include "syscall/table.h"
#include "syscall/time_values.h"
#include "syscall/user_struct.h"

namespace syscall {

namespace {

using sched::PidNumber;
using sched::SchedParams;
using sched::Task;

/// RLIMIT_NICE is 20 - nice.
bool may_be_that_nice(const Task& task, i32 nice) {
    return u64(20 - nice) <= limit_of(task, abi::RLIMIT_NICE);
}

/// Within what the task's limits let anybody do.
bool is_modest(const Task& task, const SchedParams& old, const SchedParams& wanted) {
    if (sched::is_fair_policy(wanted.policy) && wanted.nice < old.nice) {
        if (!may_be_that_nice(task, wanted.nice)) return false;
    }
    if (sched::is_rt_policy(wanted.policy)) {
        const u64 limit = limit_of(task, abi::RLIMIT_RTPRIO);
        if (wanted.policy != old.policy && limit == 0) return false;
        if (wanted.rt_priority > old.rt_priority && wanted.rt_priority > limit) return false;
    }
    if (wanted.policy == abi::SCHED_DEADLINE) return false;
    if (old.policy == abi::SCHED_IDLE && wanted.policy != abi::SCHED_IDLE) {
        if (!may_be_that_nice(task, old.nice)) return false;
    }
    return !(old.reset_on_fork && !wanted.reset_on_fork);
}

Result<void> set_if_allowed(Task& task, const SchedParams& wanted) {
    if (!sched::is_valid(wanted)) return EINVAL;
    const SchedParams old = sched::get_scheduler(task);
    const bool may = is_modest(task, old, wanted) && is_same_owner(task);
    if (!may && !sched::capable(abi::CAP_SYS_NICE)) return EPERM;
    return sched::set_scheduler(task, wanted);
}

Result<void> sys_sched_setscheduler(PidNumber pid, i32 policy, UserPtr<const i32> param) {
    if (policy < 0 || param.is_null() || pid < 0) return EINVAL;
    const i32 priority = TRY(param.copy_in());
    const Ref<Task> task = TRY(get_task(pid));
    return set_if_allowed(*task, {.policy = u32(policy) & ~abi::SCHED_RESET_ON_FORK,
                                  .reset_on_fork = (u32(policy) & abi::SCHED_RESET_ON_FORK) != 0,
                                  .nice = task->nice,
                                  .rt_priority = u32(priority)});
}

Result<u64> sys_sched_getscheduler(PidNumber pid) {
    const SchedParams params = sched::get_scheduler(*TRY(get_task(pid)));
    return u64{params.policy | (params.reset_on_fork ? abi::SCHED_RESET_ON_FORK : 0)};
}

Result<void> sys_sched_setparam(PidNumber pid, UserPtr<const i32> param) {
    if (param.is_null() || pid < 0) return EINVAL;
    const i32 priority = TRY(param.copy_in());
    const Ref<Task> task = TRY(get_task(pid));
    SchedParams params = sched::get_scheduler(*task);
    params.rt_priority = u32(priority);
    return set_if_allowed(*task, params);
}

Result<void> sys_sched_getparam(PidNumber pid, UserPtr<i32> param) {
    if (param.is_null() || pid < 0) return EINVAL;
    const SchedParams params = sched::get_scheduler(*TRY(get_task(pid)));
    return param.copy_out(sched::is_rt_policy(params.policy) ? i32(params.rt_priority) : 0);
}

/// A program that knows less, or expects more, is told how much there is.
Result<abi::SchedAttr> copy_attr(UserPtr<u32> size_at) {
    u32 size = TRY(size_at.copy_in());
    if (size == 0) size = abi::kSchedAttrSize0;
    const bool fits = size >= abi::kSchedAttrSize0 && size <= kPageSize;
    Result<abi::SchedAttr> attr =
        fits ? copy_struct_from_user<abi::SchedAttr>(size_at.address(), size) : E2BIG;
    if (!attr.ok() && attr.error() == E2BIG) TRY(size_at.copy_out(u32(sizeof(abi::SchedAttr))));
    return attr;
}

Result<SchedParams> to_params(const abi::SchedAttr& attr, const SchedParams& old) {
    if (attr.flags & ~abi::SCHED_FLAG_KNOWN) return EINVAL;
    SchedParams params{
        .policy = attr.policy,
        .nice = std::max(-20, std::min(attr.nice, 19)),
        .rt_priority = attr.priority,
        .dl = {attr.runtime, attr.deadline, attr.period, attr.flags & abi::SCHED_DL_FLAGS}};
    if (attr.flags & abi::SCHED_FLAG_KEEP_PARAMS) params = old;  // and then the policy stays, too
    if (attr.flags & abi::SCHED_FLAG_KEEP_POLICY) params.policy = old.policy;
    params.reset_on_fork = attr.flags & abi::SCHED_FLAG_KEEP_POLICY
                               ? old.reset_on_fork
                               : (attr.flags & abi::SCHED_FLAG_RESET_ON_FORK) != 0;
    return params;
}

Result<void> sys_sched_setattr(PidNumber pid, UserPtr<u32> from, u32 flags) {
    if (from.is_null() || pid < 0 || flags != 0) return EINVAL;
    const abi::SchedAttr attr = TRY(copy_attr(from));
    if (i32(attr.policy) < 0) return EINVAL;
    const Ref<Task> task = TRY(get_task(pid));
    const SchedParams params = TRY(to_params(attr, sched::get_scheduler(*task)));
    if (attr.flags & abi::SCHED_FLAG_UTIL_CLAMP) return EOPNOTSUPP;
    return set_if_allowed(*task, params);
}

Result<void> sys_sched_getattr(PidNumber pid, VirtAddr to, u32 size, u32 flags) {
    const bool fits = size >= abi::kSchedAttrSize0 && size <= kPageSize;
    if (to.raw() == 0 || pid < 0 || !fits || flags != 0) return EINVAL;
    const SchedParams params = sched::get_scheduler(*TRY(get_task(pid)));
    abi::SchedAttr attr{};
    attr.size = std::min(size, u32(sizeof attr));
    attr.policy = params.policy;
    if (params.reset_on_fork) attr.flags = abi::SCHED_FLAG_RESET_ON_FORK;
    if (sched::is_fair_policy(params.policy)) attr.nice = params.nice;
    if (sched::is_rt_policy(params.policy)) attr.priority = params.rt_priority;
    if (params.policy == abi::SCHED_DEADLINE) {
        attr.flags |= params.dl.flags;
        attr.runtime = params.dl.runtime;
        attr.deadline = params.dl.deadline;
        attr.period = params.dl.period;
    }
    return copy_to_user(to, &attr, attr.size);
}

Result<u64> sys_sched_get_priority_max(u32 policy) {
    if (sched::is_rt_policy(policy)) return u64{99};
    return sched::is_fair_policy(policy) || policy == abi::SCHED_DEADLINE ? Result<u64>(0) : EINVAL;
}
Result<u64> sys_sched_get_priority_min(u32 policy) {
    if (sched::is_rt_policy(policy)) return u64{1};
    return sched::is_fair_policy(policy) || policy == abi::SCHED_DEADLINE ? Result<u64>(0) : EINVAL;
}

Result<void> sys_sched_rr_get_interval(PidNumber pid, UserPtr<abi::Timespec> to) {
    const Ref<Task> task = TRY(get_task(pid));
    return to.copy_out(to_timespec(sched::rr_interval(*task)));
}

constexpr Entry kCalls[] = {
    {142, "sched_setparam", call<sys_sched_setparam>},
    {143, "sched_getparam", call<sys_sched_getparam>},
    {144, "sched_setscheduler", call<sys_sched_setscheduler>},
    {145, "sched_getscheduler", call<sys_sched_getscheduler>},
    {146, "sched_get_priority_max", call<sys_sched_get_priority_max>},
    {147, "sched_get_priority_min", call<sys_sched_get_priority_min>},
    {148, "sched_rr_get_interval", call<sys_sched_rr_get_interval>},
    {314, "sched_setattr", call<sys_sched_setattr>},
    {315, "sched_getattr", call<sys_sched_getattr>},
};

}  // namespace

constinit const std::span<const Entry> kSchedPolicyCalls = kCalls;

}  // namespace syscall
