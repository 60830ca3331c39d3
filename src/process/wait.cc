// Waiting for children.

#include "abi/wait.h"
#include "process/process.h"
#include "process/signal_internal.h"
#include "vm/mm_struct.h"

namespace process {

namespace {

bool is_eligible(const Task& child, const WaitRequest& request) REQUIRES(tasks_lock) {
    if (request.type == abi::P_PID && child.pid != request.id) return false;
    if (request.type == abi::P_PGID && child.signal->pgrp != request.id) return false;
    if (request.type == abi::P_PIDFD && child.signal != request.process) return false;
    if (request.options & abi::kWaitAll) return true;
    const bool is_clone = child.exit_signal != abi::SIGCHLD;
    return is_clone == !!(request.options & abi::kWaitClone);
}

void set_times(abi::Rusage& usage, u64 user_ns, u64 system_ns) {
    usage.utime_sec = i64(user_ns / 1'000'000'000);
    usage.utime_usec = i64(user_ns % 1'000'000'000 / 1000);
    usage.stime_sec = i64(system_ns / 1'000'000'000);
    usage.stime_usec = i64(system_ns % 1'000'000'000 / 1000);
}

/// Of a child and its own children.
abi::Rusage usage_of(Task& child) REQUIRES(tasks_lock) {
    const SignalStruct& signal = *child.signal;
    const CpuTimes times = process_times_locked(child);
    abi::Rusage usage;
    set_times(usage, times.user_ns + signal.child_user_ns.load(),
              times.system_ns + signal.child_system_ns.load());
    usage.maxrss = i64(signal.max_rss_pages.load() * (kPageSize / 1024));
    usage.minflt = i64(signal.minor_faults.load() + signal.child_minor_faults.load());
    usage.majflt = i64(signal.major_faults.load() + signal.child_major_faults.load());
    for (const Task& thread : child.threads) {
        usage.minflt += i64(thread.min_faults);
        usage.majflt += i64(thread.maj_faults);
    }
    usage.nvcsw = i64(child.voluntary_switches);
    usage.nivcsw = i64(child.involuntary_switches);
    return usage;
}

/// What the child used becomes part of what the parent's children used.
void inherit_usage(SignalStruct& parent, Task& child) REQUIRES(tasks_lock) {
    const SignalStruct& signal = *child.signal;
    const CpuTimes times = process_times_locked(child);
    parent.child_user_ns.fetch_add(times.user_ns + signal.child_user_ns.load());
    parent.child_system_ns.fetch_add(times.system_ns + signal.child_system_ns.load());
    parent.child_minor_faults.fetch_add(signal.minor_faults.load() + child.min_faults);
    parent.child_major_faults.fetch_add(signal.major_faults.load() + child.maj_faults);
    const u64 rss = std::max(signal.max_rss_pages.load(), signal.child_max_rss_pages.load());
    if (parent.child_max_rss_pages.load() < rss) parent.child_max_rss_pages.store(rss);
}

bool wait_zombie(Task& child, const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    if (!(request.options & abi::WEXITED)) return false;
    if (child.state.load() != sched::kZombie || child.signal->thread_count != 1) return false;
    outcome.status = wait_status_of(child);
    outcome.usage = usage_of(child);
    if (request.options & abi::WNOWAIT) return true;
    inherit_usage(*sched::current().signal, child);
    release_task(child, dead);
    return true;
}

/// A stop or a continuation that nobody has been told of yet.
bool wait_job_control(Task& child, const WaitRequest& request, WaitOutcome& outcome)
    REQUIRES(tasks_lock) {
    SignalStruct& signal = *child.signal;
    IrqGuard guard(child.sighand->lock);
    u32 flag = 0;
    if ((request.options & abi::WSTOPPED) && (signal.wait_flags & kWaitStopped)) {
        flag = kWaitStopped;
        outcome.status = abi::status_stopped(signal.stop_signal);
    } else if ((request.options & abi::WCONTINUED) && (signal.wait_flags & kWaitContinued)) {
        flag = kWaitContinued;
        outcome.status = abi::kStatusContinued;
    }
    if (flag == 0) return false;
    outcome.usage = usage_of(child);
    if (!(request.options & abi::WNOWAIT)) signal.wait_flags &= ~flag;
    return true;
}

enum class Scan : u8 { Found, Wait, NoChild };

Scan scan_children(const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    Scan result = Scan::NoChild;
    for (Task& child : sched::current().group_leader->children) {
        if (!is_eligible(child, request)) continue;
        result = Scan::Wait;
        const sched::PidNumber pid = child.pid;
        const u32 uid = child.cred.uid;
        if (wait_zombie(child, request, outcome, dead) ||
            wait_job_control(child, request, outcome)) {
            outcome.pid = pid;
            outcome.uid = uid;
            return Scan::Found;
        }
    }
    return result;
}

}  // namespace

Result<WaitOutcome> do_wait(const WaitRequest& request) {
    WaitOutcome outcome;
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        for (;;) {
            const Scan scan = scan_children(request, outcome, dead);
            if (scan == Scan::NoChild) return ECHILD;
            if (scan == Scan::Found || (request.options & abi::WNOHANG)) break;
            TRY(sched::current().signal->child_exit.sleep(tasks_lock));
        }
    }
    put_dead(dead);
    return outcome;
}

CpuTimes process_times_locked(Task& task) {
    const SignalStruct& signal = *task.signal;
    CpuTimes total{signal.dead_user_ns.load(), signal.dead_system_ns.load()};
    for (Task& thread : signal.leader->threads) {
        const sched::CpuTimes times = sched::cpu_times(thread);
        total.user_ns += times.user_ns;
        total.system_ns += times.system_ns;
    }
    return total;
}

CpuTimes process_times(Task& task) {
    IrqGuard guard(tasks_lock);
    return process_times_locked(task);
}

abi::Rusage get_rusage(Task& task, int who) {
    const SignalStruct& signal = *task.signal;
    abi::Rusage usage;
    if (who == abi::RUSAGE_CHILDREN) {
        set_times(usage, signal.child_user_ns.load(), signal.child_system_ns.load());
        usage.minflt = i64(signal.child_minor_faults.load());
        usage.majflt = i64(signal.child_major_faults.load());
        usage.maxrss = i64(signal.child_max_rss_pages.load() * (kPageSize / 1024));
        return usage;
    }
    const sched::CpuTimes own = sched::cpu_times(task);
    CpuTimes times{own.user_ns, own.system_ns};
    usage.minflt = i64(task.min_faults);
    usage.majflt = i64(task.maj_faults);
    if (who == abi::RUSAGE_SELF) {
        IrqGuard guard(tasks_lock);
        times = process_times_locked(task);
        usage.minflt = i64(signal.minor_faults.load());
        usage.majflt = i64(signal.major_faults.load());
        for (const Task& thread : signal.leader->threads) {
            usage.minflt += i64(thread.min_faults);
            usage.majflt += i64(thread.maj_faults);
        }
    }
    set_times(usage, times.user_ns, times.system_ns);
    usage.nvcsw = i64(task.voluntary_switches);
    usage.nivcsw = i64(task.involuntary_switches);
    const i64 rss = task.mm ? task.mm->hiwater_rss.load() : 0;
    usage.maxrss = std::max(rss, i64(signal.max_rss_pages.load())) * i64(kPageSize / 1024);
    return usage;
}

}  // namespace process
