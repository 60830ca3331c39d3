// /proc/<pid>/sched and schedstat: what the scheduler knows of one task. Linux:
// kernel/sched/debug.c (proc_sched_show_task), fs/proc/base.c (proc_pid_schedstat).

#include "fs/procfs/pid_entry.h"
#include "lib/string.h"
#include "sched/run_queue.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

/// The numbers of one moment.
struct SchedSnapshot {
    sched::SchedEntity se;
    sched::SchedInfo info;
    u64 voluntary, involuntary;
    u32 policy;
    i32 prio;
};

SchedSnapshot take(Task& task) {
    const sched::TaskRqGuard guard(task);
    return {.se = task.se,
            .info = task.sched_info,
            .voluntary = task.voluntary_switches,
            .involuntary = task.involuntary_switches,
            .policy = task.policy,
            .prio = task.prio};
}

/// A name in 45 columns, a number in 21; times in ms with six digits behind the point.
void line(SeqFile& out, const char* name, u64 value) { out.print("%-45s:%21lu\n", name, value); }
void ms_line(SeqFile& out, const char* name, u64 ns) {
    out.print("%-45s:%14lu.%06lu\n", name, ns / 1'000'000, ns % 1'000'000);
}

}  // namespace

Result<void> show_sched(SeqFile& out, Task& task) {
    const SchedSnapshot now = take(task);
    const u32 threads = task.signal != nullptr ? task.signal->thread_count : 1;
    const std::string_view name{task.comm, strnlen(task.comm, sizeof task.comm)};
    out.print("%s (%d, #threads: %u)\n", name, task.pid, threads);
    out.write("-------------------------------------------------------------------\n");
    ms_line(out, "se.exec_start", now.se.exec_start);
    ms_line(out, "se.vruntime", now.se.vruntime);
    ms_line(out, "se.sum_exec_runtime", now.se.sum_exec_runtime);
    line(out, "se.nr_migrations", now.se.nr_migrations);
    line(out, "nr_switches", now.voluntary + now.involuntary);
    line(out, "nr_voluntary_switches", now.voluntary);
    line(out, "nr_involuntary_switches", now.involuntary);
    constexpr u64 kLoadScale = 1024;  // Linux counts weights in finer steps
    line(out, "se.load.weight", now.se.weight * kLoadScale);
    line(out, "policy", now.policy);
    out.print("%-45s:%21d\n", "prio", now.prio);
    return {};
}

/// Time on a processor, time waiting for one, both in ns; how often it got one.
Result<void> show_schedstat_of_task(SeqFile& out, Task& task) {
    const SchedSnapshot now = take(task);
    out.print("%lu %lu %lu\n", now.se.sum_exec_runtime, now.info.run_delay_ns, now.info.pcount);
    return {};
}

}  // namespace procfs
