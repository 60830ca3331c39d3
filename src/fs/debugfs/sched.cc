// /sys/kernel/debug/sched: the fair class' tunables, and everything about who waits where. Linux:
// kernel/sched/debug.c.
#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "fs/debugfs/files.h"
#include "lib/parse.h"
#include "sched/run_queue.h"
#include "sched/tunables.h"

namespace debugfs {
namespace {

using sched::RunQueue;
using sched::Task;
using sched::tunables;

template <class T>
Result<void> show_tunable(libfs::SeqFile& out, void* data) {
    out.print("%lu\n", u64{static_cast<std::atomic<T>*>(data)->load()});
    return {};
}

/// Times from 100 us to 1 s, as Linux has it for those of the fair class.
Result<void> store_time(std::string_view text, void* data) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value < 100'000 || value > 1'000'000'000) return EINVAL;
    *static_cast<std::atomic<u64>*>(data) = value;
    return {};
}
/// The same from 0: to always, or never, do what costs that much.
Result<void> store_cost(std::string_view text, void* data) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value > 1'000'000'000) return EINVAL;
    *static_cast<std::atomic<u64>*>(data) = value;
    return {};
}
Result<void> store_count(std::string_view text, void* data) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value == 0 || value > 4096) return EINVAL;
    *static_cast<std::atomic<u32>*>(data) = u32(value);
    return {};
}

void print_queue(libfs::SeqFile& out, RunQueue& rq) {
    IrqGuard guard(rq.lock);
    out.print(
        "\ncpu#%u\n  .nr_running      : %u\n  .nr_switches     : %lu\n"
        "  .curr->pid       : %d\n  .clock           : %lu\n",
        rq.cpu, rq.nr_running, rq.switches, rq.current->pid, rq.clock);
    out.print(
        "cfs_rq[%u]:\n  .min_vruntime    : %lu\n  .nr_running      : %u\n"
        "  .load            : %lu\n",
        rq.cpu, rq.cfs.min_vruntime, rq.cfs.nr_running, rq.cfs.load);
    out.print(
        "rt_rq[%u]:\n  .rt_nr_running   : %u\n  .rt_throttled    : %u\n"
        "  .rt_time         : %lu\n",
        rq.cpu, rq.rt.nr_running, u32{rq.rt.throttled}, rq.rt.ran_ns);
    out.print("dl_rq[%u]:\n  .dl_nr_running   : %u\n", rq.cpu, rq.dl.nr_running);
}

/// Ready tasks only: the others are in /proc.
void print_tasks(libfs::SeqFile& out) {
    out.print("\n S            task   PID  cpu         tree-key  switches  prio   sum-exec\n");
    IrqGuard guard(sched::tasks_lock);
    for (Task* task = sched::next_task(1); task; task = sched::next_task(task->pid + 1)) {
        if (!task->on_rq) continue;
        out.print("%s%c %15s %5d %4u %16lu %9lu %5d %10lu\n", task->on_cpu ? ">" : " ",
                  sched::state_letter(*task), task->comm, task->pid, task->cpu.load(),
                  task->se.vruntime, task->voluntary_switches + task->involuntary_switches,
                  task->prio, task->se.sum_exec_runtime);
    }
}

Result<void> show_debug(libfs::SeqFile& out, void*) {
    out.print(
        "ktime %lu\nsysctl_sched\n  .latency             : %lu\n"
        "  .min_granularity     : %lu\n  .wakeup_granularity  : %lu\n"
        "  .child_runs_first    : %u\n",
        time::now_ns(), tunables.latency_ns.load(), tunables.min_granularity_ns.load(),
        tunables.wakeup_granularity_ns.load(), tunables.child_runs_first.load());
    for_each_cpu(online_cpus, [&](unsigned cpu) { print_queue(out, sched::cpu_rq(cpu)); });
    print_tasks(out);
    return {};
}

struct Tunable {
    libfs::TextNode node;
    void* data;
};
const Tunable kTunables[] = {
    {{"latency_ns", 0644, show_tunable<u64>, store_time}, &tunables.latency_ns},
    {{"min_granularity_ns", 0644, show_tunable<u64>, store_time}, &tunables.min_granularity_ns},
    {{"wakeup_granularity_ns", 0644, show_tunable<u64>, store_cost},
     &tunables.wakeup_granularity_ns},
    {{"migration_cost_ns", 0644, show_tunable<u64>, store_cost}, &tunables.migration_cost_ns},
    {{"nr_migrate", 0644, show_tunable<u32>, store_count}, &tunables.nr_migrate},
};
constexpr libfs::TextNode kDebug{"debug", 0444, show_debug};

}  // namespace

Result<void> add_sched(libfs::Tree& tree) {
    libfs::Node& dir = *TRY(tree.add_dir(tree.root(), "sched"));
    for (const Tunable& tunable : kTunables) TRY(tree.add_text(dir, tunable.node, tunable.data));
    return tree.add_text(dir, kDebug);
}

}  // namespace debugfs
