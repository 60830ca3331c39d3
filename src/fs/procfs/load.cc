// How busy the machine is: uptime, loadavg, stat.
#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "fs/procfs/system.h"
#include "sched/pid.h"
#include "sched/sched.h"

namespace procfs {
namespace {

constexpr u64 kNsPerTick = time::kNsPerSec / 100;  // USER_HZ

struct Totals {
    sched::CpuStats all{};
};

Totals add_up() {
    Totals totals;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        const sched::CpuStats stats = sched::cpu_stats(cpu);
        totals.all.user_ns += stats.user_ns;
        totals.all.nice_ns += stats.nice_ns;
        totals.all.system_ns += stats.system_ns;
        totals.all.idle_ns += stats.idle_ns;
        totals.all.irq_ns += stats.irq_ns;
        totals.all.softirq_ns += stats.softirq_ns;
        totals.all.switches += stats.switches;
        totals.all.running += stats.running;
    });
    return totals;
}

/// user nice system idle iowait irq softirq steal guest guest_nice
void print_cpu_times(SeqFile& out, const sched::CpuStats& stats) {
    out.print(" %lu %lu %lu %lu 0 %lu %lu 0 0 0\n", stats.user_ns / kNsPerTick,
              stats.nice_ns / kNsPerTick, stats.system_ns / kNsPerTick, stats.idle_ns / kNsPerTick,
              stats.irq_ns / kNsPerTick, stats.softirq_ns / kNsPerTick);
}

}  // namespace

Result<void> show_uptime(SeqFile& out, void*) {
    const u64 up = time::now_ns() / (time::kNsPerSec / 100);
    const u64 idle = add_up().all.idle_ns / (time::kNsPerSec / 100);
    out.print("%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
    return {};
}

Result<void> show_loadavg(SeqFile& out, void*) {
    constexpr u64 kOne = 1 << 11, kHalfOfLastDigit = kOne / 200;
    u64 averages[3];
    sched::load_averages(averages);
    for (u64 average : averages) {
        average += kHalfOfLastDigit;
        out.print("%lu.%02lu ", average / kOne, average % kOne * 100 / kOne);
    }
    out.print("%u/%lu %lu\n", add_up().all.running, sched::task_count(), sched::last_pid());
    return {};
}

Result<void> show_stat_of_system(SeqFile& out, void*) {
    const Totals totals = add_up();
    out.print("cpu ");
    print_cpu_times(out, totals.all);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        out.print("cpu%u", cpu);
        print_cpu_times(out, sched::cpu_stats(cpu));
    });
    print_interrupt_totals(out);
    out.print("ctxt %lu\n", totals.all.switches);
    out.print("btime %lu\n", (time::realtime_ns() - time::now_ns()) / time::kNsPerSec);
    out.print("processes %lu\nprocs_running %u\nprocs_blocked 0\n", sched::total_forks(),
              totals.all.running);
    print_softirq_totals(out);
    return {};
}

}  // namespace procfs
