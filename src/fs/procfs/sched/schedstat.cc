// /proc/schedstat: what each processor's run queue has seen, version 15 of the format. Linux:
// kernel/sched/stats.c, Documentation/scheduler/sched-stats.rst.

#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "fs/procfs/system.h"
#include "sched/run_queue.h"

namespace procfs {

/// There are no scheduling domains, so there are no lines about them.
Result<void> show_schedstat(SeqFile& out, void*) {
    out.print("version 15\ntimestamp %lu\n", time::now_ns() / sched::kTickNs);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        const sched::RunQueue& rq = sched::cpu_rq(cpu);
        out.print("cpu%u %lu 0 %lu %lu %lu %lu %lu %lu %lu\n", cpu, rq.yields, rq.schedules,
                  rq.idle_switches, rq.wakeups, rq.local_wakeups, rq.user_ns + rq.system_ns,
                  rq.run_delay_ns, rq.pcount);
    });
    return {};
}

}  // namespace procfs
