#include "sched/policy.h"

#include "abi/sched.h"
#include "sched/mutex.h"
#include "sched/run_queue.h"
#include "sched/sched_trace.h"

namespace sched {

namespace {

i32 normal_prio_of(u32 policy, u32 rt_priority, i32 nice) {
    switch (policy) {
    case abi::SCHED_DEADLINE: return kDeadlinePrio;
    case abi::SCHED_FIFO:
    case abi::SCHED_RR: return prio_of_rt(rt_priority);
    default: return prio_of_nice(nice);
    }
}

/// Changes what decides when a task runs: takes it out of the queue, lets `change` do it, puts it
/// back, and sees who should run now.
template <class Change>
void change_task(const TaskRqGuard& guard, Task& task, Change change) NO_LOCK_ANALYSIS {
    RunQueue& rq = guard.rq();
    rq.update_curr();
    const bool waits = task.waits, runs = rq.current == &task && task.on_rq;
    const ClassId before = task.sched_class;
    if (waits) rq.dequeue(task);
    if (runs) rq.deactivate_current(task);
    change();
    init_priority(task);
    const Why why = task.sched_class == before ? Why::Requeue : Why::Switch;
    if (waits) {
        rq.enqueue(task, why);
        if (rq.should_preempt(task)) resched_curr(rq);
    }
    if (!task.on_rq && why == Why::Switch) class_of(task).joined_asleep(rq, task);
    if (runs) {
        class_of(task).adopt(rq, task, why);
        task.on_rq = 1;
        rq.current_prio.store(task.prio, std::memory_order_relaxed);
        resched_curr(rq);
    }
}

/// In the right order, and neither too short to be kept nor too long to count with. Linux has
/// sched_deadline_period_min_us and _max_us for the latter.
bool is_sound(const DlParams& dl) {
    constexpr u64 kLeastRuntime = 1024, kLeastPeriod = 100'000, kMostPeriod = 4'194'304'000;
    const u64 period = dl.period != 0 ? dl.period : dl.deadline;
    return dl.runtime >= kLeastRuntime && dl.runtime <= dl.deadline && dl.deadline <= period &&
           period >= kLeastPeriod && period <= kMostPeriod;
}

u64 bandwidth_of(const Task& task) {
    return task.policy == abi::SCHED_DEADLINE ? dl_bandwidth(task.dl->params) : 0;
}

/// Room for a deadline task, or the room of one that was.
Result<void> prepare_deadline(Task& task, SchedParams& params) {
    DlParams& dl = params.dl;
    if (params.policy != abi::SCHED_DEADLINE) {
        dl_release(bandwidth_of(task));
        return {};
    }
    if (dl.period == 0) dl.period = dl.deadline;
    if ((task.cpus_allowed & online_cpus.bits()) != online_cpus.bits()) return EPERM;
    TRY(dl_prepare(task));
    return dl_reserve(dl_bandwidth(dl), bandwidth_of(task));
}

/// Two that set the policy of one task come one after the other.
constinit Mutex policy_mutex("sched_policy");

void change_params(Task& task, const SchedParams& params) {
    TaskRqGuard guard(task);
    change_task(guard, task, [&]() {
        task.policy = params.policy;
        task.reset_on_fork = params.reset_on_fork;
        task.rt_priority = params.rt_priority;
        if (is_fair_policy(params.policy)) task.nice = params.nice;
        if (params.policy == abi::SCHED_DEADLINE) task.dl->params = params.dl;
    });
}

void change_nice(Task& task, int nice) {
    TaskRqGuard guard(task);
    if (task.nice == nice) return;
    change_task(guard, task, [&]() { task.nice = nice; });
}

}  // namespace

bool is_rt_policy(u32 policy) { return policy == abi::SCHED_FIFO || policy == abi::SCHED_RR; }

bool is_fair_policy(u32 policy) {
    return policy == abi::SCHED_OTHER || policy == abi::SCHED_BATCH || policy == abi::SCHED_IDLE;
}

bool is_valid(const SchedParams& params) {
    if (params.policy == abi::SCHED_DEADLINE) return params.rt_priority == 0 && is_sound(params.dl);
    if (is_rt_policy(params.policy)) return params.rt_priority >= 1 && params.rt_priority < 100;
    return is_fair_policy(params.policy) && params.rt_priority == 0;
}

void init_priority(Task& task) {
    task.normal_prio = normal_prio_of(task.policy, task.rt_priority, task.nice);
    task.prio = std::min(task.normal_prio, task.boost_prio);
    task.sched_class = class_of_prio(task.prio);
    task.se.weight = weight_of(task.policy, task.nice);
}

Result<void> set_scheduler(Task& task, const SchedParams& wanted) {
    SchedParams params = wanted;
    if (!is_valid(params)) return EINVAL;
    if (task.sched_class == ClassId::Stop) return EPERM;
    MutexGuard guard(policy_mutex);
    TRY(prepare_deadline(task, params));
    change_params(task, params);
    rt_mutex_adjust_pi(task);
    return {};
}

SchedParams get_scheduler(const Task& task) {
    TaskRqGuard guard(task);
    SchedParams params{.policy = task.policy,
                       .reset_on_fork = task.reset_on_fork,
                       .nice = task.nice,
                       .rt_priority = task.rt_priority};
    if (task.policy == abi::SCHED_DEADLINE) params.dl = task.dl->params;
    return params;
}

void set_user_nice(Task& task, int nice) {
    change_nice(task, nice);
    rt_mutex_adjust_pi(task);
}

i32 effective_prio(const Task& task) {
    TaskRqGuard guard(task);
    return task.prio;
}

/// A deadline is lent as the most urgent real-time priority: the borrower has no runtime of its
/// own to be measured by.
void set_boost(Task& task, i32 prio) {
    TaskRqGuard guard(task);
    prio = std::max(prio, 0);
    if (task.boost_prio == prio) return;
    const i32 before = task.prio;
    change_task(guard, task, [&]() { task.boost_prio = prio; });
    if (trace::is_enabled<SchedPiSetprio>()) [[unlikely]] {
        trace_task(task,
                   SchedPiSetprio{.comm = {}, .pid = 0, .oldprio = before, .newprio = task.prio});
    }
}

u64 rr_interval(const Task& task) {
    TaskRqGuard guard(task);
    return class_of(task).rr_interval(guard.rq(), task);
}

u64 rt_awake_ns(const Task& task) {
    TaskRqGuard guard(task);
    if (task.sched_class != ClassId::RealTime) return 0;
    return task.se.sum_exec_runtime - task.rt.awake_from_ns;
}

void leave_classes(Task& task) {
    if (task.dl == nullptr) return;
    (void)set_scheduler(task, {.policy = abi::SCHED_OTHER}).ok();
    dl_destroy(task);
}

}  // namespace sched
