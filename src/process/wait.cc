// Waiting for children.

#include "abi/wait.h"
#include "process/process.h"
#include "process/ptrace/ptrace.h"
#include "process/signal_internal.h"
#include "process/trace_events.h"
#include "vm/mm_struct.h"

namespace process {

using sched::Usage;

namespace {

/// Traced by a thread of the running process.
bool is_own_tracee(const Task& task) REQUIRES(tasks_lock) {
    return task.tracer != nullptr && task.tracer->signal == sched::current().signal;
}

bool is_eligible(const Task& child, const WaitRequest& request) REQUIRES(tasks_lock) {
    if (request.type == abi::P_PID && child.pid != request.id) return false;
    if (request.type == abi::P_PGID && child.signal->pgrp != request.id) return false;
    if (request.type == abi::P_PIDFD && child.signal != request.process) return false;
    if ((request.options & abi::kWaitAll) || is_own_tracee(child)) return true;
    const bool is_clone = child.exit_signal != abi::SIGCHLD;
    return is_clone == !!(request.options & abi::kWaitClone);
}

void set_times(abi::Rusage& usage, u64 user_ns, u64 system_ns) {
    usage.utime_sec = i64(user_ns / 1'000'000'000);
    usage.utime_usec = i64(user_ns % 1'000'000'000 / 1000);
    usage.stime_sec = i64(system_ns / 1'000'000'000);
    usage.stime_usec = i64(system_ns % 1'000'000'000 / 1000);
}

abi::Rusage rusage_of(const Usage& used) {
    abi::Rusage usage;
    set_times(usage, used.user_ns, used.system_ns);
    usage.minflt = i64(used.minor_faults);
    usage.majflt = i64(used.major_faults);
    usage.nvcsw = i64(used.voluntary);
    usage.nivcsw = i64(used.involuntary);
    usage.maxrss = i64(used.max_rss_pages * (kPageSize / 1024));
    return usage;
}

/// By a child and its own children.
Usage usage_of_all(const Task& child) REQUIRES(tasks_lock) {
    Usage sum = usage_of_process(*child.signal);
    sum.add(child.signal->children.read());
    return sum;
}

bool is_leader(const Task& task) { return task.group_leader == &task; }

/// Dead, and if it led others, they are gone, too.
bool is_over(const Task& task) REQUIRES(tasks_lock) {
    return task.state.load() == sched::kZombie &&
           (!is_leader(task) || task.signal->thread_count == 1);
}

/// `child` is over. False: the caller does not ask for ends.
bool wait_zombie(Task& child, const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    if (!(request.options & abi::WEXITED)) return false;
    outcome.status = wait_status_of(child);
    outcome.usage = rusage_of(usage_of_all(child));
    if (request.options & abi::WNOWAIT) return true;
    SignalStruct& own = *sched::current().signal;
    if (is_leader(child) && child.parent->signal != &own) {
        ptrace_unlink(child);  // the tracer has seen it, now the parent may
        reap_untraced(child, dead);
        return true;
    }
    if (is_leader(child)) own.children.add(usage_of_all(child));
    release_task(child, dead);
    return true;
}

/// A tracee stopped for its tracer, who has not been told yet.
bool wait_traced(Task& child, const WaitRequest& request, WaitOutcome& outcome)
    REQUIRES(tasks_lock) {
    IrqGuard guard(child.sighand->lock);
    const bool stopped = child.state.load() & sched::kTraced;
    if (!stopped || (child.jobctl & kListening) || child.stop_code == 0) return false;
    outcome.status = abi::status_stopped(child.stop_code);
    outcome.trapped = true;
    if (!(request.options & abi::WNOWAIT)) child.stop_code = 0;
    return true;
}

/// A stop or a continuation that nobody has been told of yet.
bool wait_job_control(Task& child, const WaitRequest& request, WaitOutcome& outcome)
    REQUIRES(tasks_lock) {
    SignalStruct& signal = *child.signal;
    IrqGuard guard(child.sighand->lock);
    u32 flag = 0;
    const bool tells_stops = (request.options & abi::WSTOPPED) && !is_own_tracee(child);
    if (tells_stops && (signal.wait_flags & kWaitStopped)) {
        flag = kWaitStopped;
        outcome.status = abi::status_stopped(signal.stop_signal);
    } else if ((request.options & abi::WCONTINUED) && (signal.wait_flags & kWaitContinued)) {
        flag = kWaitContinued;
        outcome.status = abi::kStatusContinued;
    }
    if (flag == 0) return false;
    outcome.usage = rusage_of(usage_of_all(child));
    if (!(request.options & abi::WNOWAIT)) signal.wait_flags &= ~flag;
    return true;
}

enum class Scan : u8 { Found, Wait, NoChild };

/// Found: `child` has something to tell; `dead` gets it if that was the last. NoChild: it never
/// will again, and its end is not asked for.
Scan consider(Task& child, const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    outcome.pid = child.pid;
    outcome.uid = child.cred.uid;
    const bool own_tracee = is_own_tracee(child);
    // The end of a tracee is its tracer's to see first.
    const bool at_end = is_over(child) && (own_tracee || !is_traced(child));
    const bool found = at_end ? wait_zombie(child, request, outcome, dead)
                              : (own_tracee && wait_traced(child, request, outcome)) ||
                                    wait_job_control(child, request, outcome);
    if (found) return Scan::Found;
    outcome.pid = 0;
    return at_end ? Scan::NoChild : Scan::Wait;
}

Scan scan_children(const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    const bool only_own = request.options & abi::kWaitNoThread;
    Scan result = Scan::NoChild;
    for (Task& child : sched::current().group_leader->children) {
        if (is_own_tracee(child) || !is_eligible(child, request)) continue;
        if (only_own && child.forked_by != sched::current().pid) continue;
        const Scan found = consider(child, request, outcome, dead);
        if (found == Scan::Found) return found;
        if (found == Scan::Wait) result = found;
    }
    return result;
}

/// Tracees of all threads (or of the running one), whatever they are otherwise.
Scan scan_tracees(const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead)
    REQUIRES(tasks_lock) {
    Scan result = Scan::NoChild;
    for (Task& thread : sched::current().group_leader->threads) {
        if ((request.options & abi::kWaitNoThread) && &thread != &sched::current()) continue;
        for (Task& tracee : thread.tracees) {
            if (!is_eligible(tracee, request)) continue;
            const Scan found = consider(tracee, request, outcome, dead);
            if (found == Scan::Found) return found;
            if (found == Scan::Wait) result = found;
        }
    }
    return result;
}

Scan scan(const WaitRequest& request, WaitOutcome& outcome, DeadTasks& dead) REQUIRES(tasks_lock) {
    const Scan children = scan_children(request, outcome, dead);
    if (children == Scan::Found) return children;
    const Scan tracees = scan_tracees(request, outcome, dead);
    return tracees == Scan::NoChild ? children : tracees;
}

void trace_wait(const WaitRequest& request) {
    if (!trace::is_enabled<SchedProcessWait>()) return;
    const Task& task = sched::current();
    const sched::PidNumber pid = request.process ? request.process->leader->pid : request.id;
    SchedProcessWait record{.comm = {}, .pid = pid, .prio = task.prio};
    copy_comm(record.comm, task);
    trace::point(record);
}

}  // namespace

Result<WaitOutcome> do_wait(const WaitRequest& request) {
    trace_wait(request);
    WaitOutcome outcome;
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        for (;;) {
            const Scan found = scan(request, outcome, dead);
            if (found == Scan::NoChild) return ECHILD;
            if (found == Scan::Found || (request.options & abi::WNOHANG)) break;
            TRY(sched::current().signal->child_exit.sleep(tasks_lock));
        }
    }
    put_dead(dead);
    return outcome;
}

Usage usage_of_process(const SignalStruct& signal) {
    Usage sum = signal.dead.read();
    for (const Task& thread : signal.leader->threads) sum.add(sched::usage_of(thread));
    return sum;
}

CpuTimes process_times_locked(Task& task) {
    const SignalStruct& signal = *task.signal;
    CpuTimes total{signal.dead.user_ns.load(), signal.dead.system_ns.load()};
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
    if (who == abi::RUSAGE_CHILDREN) return rusage_of(signal.children.read());
    Usage used = sched::usage_of(task);
    if (who == abi::RUSAGE_SELF) {
        IrqGuard guard(tasks_lock);
        used = usage_of_process(signal);
    }
    // Memory is the process', whoever asks.
    const u64 now = task.mm ? static_cast<u64>(std::max<i64>(task.mm->hiwater_rss.load(), 0)) : 0;
    used.max_rss_pages = std::max(signal.dead.max_rss_pages.load(), now);
    return rusage_of(used);
}

}  // namespace process
