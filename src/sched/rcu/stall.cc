// See stall.h. Linux: kernel/rcu/tree_stall.h. A report never stops the machine: the reader may
// still end, and the memory that waits for it is only late.

#include "sched/rcu/stall.h"

#include "core/log/printk.h"
#include "core/rcu/state.h"
#include "core/time/clock.h"
#include "lib/string.h"
#include "sched/run_queue.h"

namespace sched {

constinit std::atomic<u64> rcu_stall_timeout_ns{21 * time::kNsPerSec};

namespace {

struct LastStall {
    SpinLock lock{"rcu_stall", LockRank::Rcu};
    StallReport report GUARDED_BY(lock) = {};
};
constinit LastStall last_stall;

/// What a processor runs: a copy, since the task may end any time.
struct Running {
    char comm[16];
    PidNumber pid;
};
Running running_on(unsigned cpu) {
    RunQueue& rq = cpu_rq(cpu);
    IrqGuard guard(rq.lock);
    Running running{.comm = {}, .pid = rq.current->pid};
    memcpy(running.comm, rq.current->comm, sizeof running.comm);
    return running;
}

}  // namespace

StallReport rcu_last_stall() {
    IrqGuard guard(last_stall.lock);
    return last_stall.report;
}

void rcu_report_stall(u64 cpus, u64 took_ns) {
    printk(Level::Err, "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
    for_each_cpu(CpuMask(cpus), [](unsigned cpu) {
        const Running running = running_on(cpu);
        printk(Level::Err, "rcu: \t%u: task %s, pid %d", cpu,
               static_cast<const char*>(running.comm), running.pid);
        rcu::ask(cpu, rcu::kNeedBacktrace);
    });
    printk(Level::Err, "rcu: \t(grace period %u, %u ms old)", rcu::sequence(),
           took_ns / time::kNsPerMs);
    IrqGuard guard(last_stall.lock);
    last_stall.report = {last_stall.report.count + 1, cpus, took_ns};
}

}  // namespace sched
