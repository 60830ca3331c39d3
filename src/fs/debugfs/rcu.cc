// /sys/kernel/debug/rcu: how far grace periods have come, and what waits for them.

#include "core/percpu/context_tracking.h"
#include "core/rcu/sequence.h"
#include "core/rcu/state.h"
#include "core/time/clock.h"
#include "fs/debugfs/files.h"
#include "sched/rcu/grace_period.h"
#include "sched/rcu/stall.h"

namespace debugfs {

namespace {

Result<void> show_rcu(libfs::SeqFile& out, void*) {
    const u64 sequence = rcu::sequence();
    const sched::StallReport stall = sched::rcu_last_stall();
    out.print("grace_periods %u\n", sequence / 2);
    out.print("in_progress %u\n", u32{rcu::is_in_progress(sequence)});
    out.print("waiting_for %#x\n", rcu::normal.cpus.load(std::memory_order_relaxed));
    out.print("expedited %u\n", sched::rcu_expedited_periods());
    out.print("stalls %u\n", stall.count);
    if (stall.count > 0) {
        out.print("last_stall cpus %#x after %u ms\n", stall.cpus, stall.took_ns / time::kNsPerMs);
    }
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        const u64 counter = context::snapshot(cpu);
        out.print("cpu%u %s dynticks %u queued %u called %u\n", cpu,
                  context::is_busy(counter) ? "busy" : "idle", counter, rcu::queued_callbacks(cpu),
                  rcu::called_callbacks(cpu));
    });
    return {};
}

constexpr libfs::TextNode kRcu{"rcu", 0444, show_rcu};

}  // namespace

Result<void> add_rcu(libfs::Tree& tree) { return tree.add_text(tree.root(), kRcu); }

}  // namespace debugfs
