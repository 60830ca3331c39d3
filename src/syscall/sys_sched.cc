// Processors and nice values; policies are in sys_sched_policy.cc. Linux: kernel/sched/core.c,
// kernel/sys.c.

#include "abi/resource.h"
#include "abi/sched.h"
#include "core/percpu/percpu.h"
#include "mm/page_alloc/node.h"
#include "process/process.h"
#include "sched/signal_struct.h"
#include "syscall/sched_target.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::PidNumber;
using sched::Task;

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
    // What was promised to a deadline task counts on all processors.
    const bool keeps_all = (mask & online_cpus.bits()) == online_cpus.bits();
    if (task->policy == abi::SCHED_DEADLINE && !keeps_all) return EBUSY;
    return sched::set_cpus_allowed(*task, mask);
}

Result<void> sys_getcpu(UserPtr<u32> cpu, UserPtr<u32> node, VirtAddr) {
    if (!cpu.is_null()) TRY(cpu.copy_out(cpu_id()));
    if (!node.is_null()) TRY(node.copy_out(mm::node_of_cpu(cpu_id())));
    return {};
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
    Result<void> refused = {};  // why one of them was not changed, whatever became of the others
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
        request.refused = EPERM;
        return;
    }
    const bool allowed = u64(20 - request.nice) <= limit_of(task, abi::RLIMIT_NICE) ||
                         sched::capable(abi::CAP_SYS_NICE);
    if (request.nice < task.nice && !allowed) {
        request.refused = EACCES;
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
    if (!request.refused.ok()) return request.refused.error();
    return request.found ? Result<void>() : ESRCH;
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
    {203, "sched_setaffinity", call<sys_sched_setaffinity>},
    {204, "sched_getaffinity", call<sys_sched_getaffinity>},
    {309, "getcpu", call<sys_getcpu>},
};

}  // namespace

constinit const std::span<const Entry> kSchedCalls = kCalls;

}  // namespace syscall
