// The table of process numbers, and a bitmap that finds a free one. Both are guarded by tasks_lock.

#include "sched/pid.h"

#include "lib/bitmap.h"
#include "mm/own.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace sched {

constinit SpinLock tasks_lock("tasks", LockRank::Tasks);
constinit std::atomic<u32> pid_max{kPidMax};

/// Invariant: it exists as long as `in_use` (a task has the number) or a list has a member.
struct Pid {
    PidNumber number;
    bool in_use = true;
    Task* task = nullptr;  // null until attached
    List<SignalStruct, &SignalStruct::pgrp_link> pgrp;
    List<SignalStruct, &SignalStruct::session_link> session;
};

namespace {

constexpr PidNumber kFirstAfterWrap = 300;  // low numbers stay with what the boot has started

constinit mm::KmemCache pid_cache("pid", sizeof(Pid), alignof(Pid));
constinit Pid* pids[kPidMax] = {};
constinit u64 used_words[BitSpan::words_for(kPidMax)] = {1};  // 0 belongs to the idle tasks
constinit PidNumber last_number = kKthreaddPid;
constinit std::atomic<u64> tasks{0};

BitSpan used() { return BitSpan(used_words, kPidMax); }

Pid* find_pid(PidNumber number) REQUIRES(tasks_lock) {
    if (number <= 0 || number >= kPidMax) return nullptr;
    return pids[number];
}

void free_if_unused(Pid* pid) REQUIRES(tasks_lock) {
    if (pid == nullptr || pid->in_use || !pid->pgrp.empty() || !pid->session.empty()) return;
    pids[pid->number] = nullptr;
    used().clear(pid->number);
    pid->~Pid();
    pid_cache.free(pid);
}

/// 0 if there is no free number.
PidNumber choose_number(PidNumber wanted) REQUIRES(tasks_lock) {
    if (wanted != 0) return used().test(wanted) ? 0 : wanted;
    const usize limit = pid_max.load(std::memory_order_relaxed);
    usize number = used().find_clear(last_number + 1);
    if (number >= limit) number = used().find_clear(kFirstAfterWrap);
    return number >= limit ? 0 : static_cast<PidNumber>(number);
}

}  // namespace

Result<PidNumber> reserve_pid(Task& task, PidNumber wanted) {
    void* const memory = TRY(pid_cache.alloc(mm::Gfp::Kernel));
    {
        IrqGuard guard(tasks_lock);
        const PidNumber number = choose_number(wanted);
        if (number != 0) {
            used().set(number);
            if (wanted == 0) last_number = number;
            pids[number] = new (memory) Pid{.number = number, .pgrp = {}, .session = {}};
            task.pid = number;
            return number;
        }
    }
    pid_cache.free(memory);
    return wanted != 0 ? EEXIST : EAGAIN;
}

void attach_pid(Task& task) {
    Pid* pid = find_pid(task.pid);
    ASSERT(pid && pid->in_use && !pid->task);
    pid->task = &task;
    tasks.fetch_add(1, std::memory_order_relaxed);
}

Result<PidNumber> alloc_pid(Task& task, PidNumber wanted) {
    const PidNumber number = TRY(reserve_pid(task, wanted));
    IrqGuard guard(tasks_lock);
    if (task.tgid == 0) task.tgid = number;
    if (task.group_leader == nullptr) task.group_leader = &task;
    attach_pid(task);
    return number;
}

void free_pid(Task& task) {
    Pid* pid = find_pid(task.pid);
    if (pid == nullptr) return;
    if (pid->task != nullptr) tasks.fetch_sub(1, std::memory_order_relaxed);
    pid->task = nullptr;
    pid->in_use = false;
    free_if_unused(pid);
}

void exchange_pids(Task& task, Task& leader) {
    std::swap(task.pid, leader.pid);
    find_pid(task.pid)->task = &task;
    find_pid(leader.pid)->task = &leader;
}

void join_pgrp(SignalStruct& signal, PidNumber pgrp) {
    Pid* const old = find_pid(signal.pgrp);
    if (signal.pgrp_link.is_linked()) signal.pgrp_link.unlink();
    signal.pgrp = pgrp;
    if (pgrp != 0) find_pid(pgrp)->pgrp.push_back(signal);
    free_if_unused(old);
}

void join_session(SignalStruct& signal, PidNumber session) {
    Pid* const old = find_pid(signal.session);
    if (signal.session_link.is_linked()) signal.session_link.unlink();
    signal.session = session;
    if (session != 0) find_pid(session)->session.push_back(signal);
    free_if_unused(old);
}

bool for_each_in_pgrp(PidNumber pgrp, void (*body)(SignalStruct&, void*), void* context) {
    Pid* const pid = find_pid(pgrp);
    if (pid == nullptr || pid->pgrp.empty()) return false;
    for (SignalStruct& member : pid->pgrp) body(member, context);
    return true;
}

bool for_each_in_session(PidNumber session, void (*body)(SignalStruct&, void*), void* context) {
    Pid* const pid = find_pid(session);
    if (pid == nullptr || pid->session.empty()) return false;
    for (SignalStruct& member : pid->session) body(member, context);
    return true;
}

Task* find_task(PidNumber number) {
    Pid* const pid = find_pid(number);
    return pid ? pid->task : nullptr;
}

Task* next_task(PidNumber number) {
    usize at = number < 1 ? 1 : number;
    for (at = used().find_set(at); at < kPidMax; at = used().find_set(at + 1)) {
        if (Task* task = find_task(static_cast<PidNumber>(at))) return task;
    }
    return nullptr;
}

void for_each_process(void (*body)(Task&, void*), void* context) {
    for (Task* task = next_task(1); task; task = next_task(task->pid + 1)) {
        if (task->group_leader == task) body(*task, context);
    }
}

u64 task_count() { return tasks.load(std::memory_order_relaxed); }
u64 last_pid() { return last_number; }

}  // namespace sched
