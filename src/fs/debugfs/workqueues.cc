// /sys/kernel/debug/workqueues: the work queues, and the pools of workers behind them. Linux tells
// the same through tools/workqueue/.
#include "fs/debugfs/files.h"

#include "sched/workqueue/internal.h"

namespace debugfs {
namespace {

/// What a work queue has on its way, in all pools.
struct Sums {
    u32 active = 0, in_flight = 0;
};
Sums sums_of(sched::WorkQueue& wq) {
    Sums sums;
    for (u32 i = 0; i < wq.queue_count; i++) {
        sched::PoolQueue& queue = wq.queues[i];
        IrqGuard guard(queue.pool->lock);
        sums.active += queue.active;
        sums.in_flight += queue.in_flight[0] + queue.in_flight[1];
    }
    return sums;
}

void print_queue(libfs::SeqFile& out, sched::WorkQueue& wq) {
    const Sums sums = sums_of(wq);
    out.print("%-24s %-8s%s%s%s %10u %6u %9u\n", wq.name,
              wq.flags & sched::kWqUnbound ? "unbound" : "percpu",
              wq.flags & sched::kWqHighPri ? "H" : "-", wq.flags & sched::kWqMemReclaim ? "R" : "-",
              wq.flags & sched::kWqOrdered ? "O" : "-", wq.max_active, sums.active, sums.in_flight);
}

void print_pool(libfs::SeqFile& out, sched::WorkerPool& pool) {
    u32 workers, idle, running;
    usize works;
    {
        IrqGuard guard(pool.lock);
        workers = pool.worker_count, idle = pool.idle_count, running = pool.running;
        works = pool.works.size();
    }
    out.print("%4u %4d %4d %7u %4u %7u %7lu\n", pool.id, i32(pool.cpu), pool.nice, workers, idle,
              running, works);
}

Result<void> show_workqueues(libfs::SeqFile& out, void*) {
    out.print("%-24s %-8s%s %10s %6s %9s\n", "name", "kind", "HRO", "max_active", "active",
              "in_flight");
    {
        sched::MutexGuard guard(sched::all_workqueues_lock);
        for (sched::WorkQueue& wq : sched::all_workqueues()) print_queue(out, wq);
    }
    out.print("\npool  cpu nice workers idle running   works\n");
    for (unsigned i = 0; i < sched::pool_count(); i++) print_pool(out, sched::pool(i));
    return {};
}

constexpr libfs::TextNode kWorkqueues{"workqueues", 0400, show_workqueues};

}  // namespace

Result<void> add_workqueues(libfs::Tree& tree) { return tree.add_text(tree.root(), kWorkqueues); }

}  // namespace debugfs
