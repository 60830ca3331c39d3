// Whether an allocation fails on demand. See mm/fault_inject.h.

#include "arch/cpu.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/preempt.h"
#include "core/random/random.h"
#include "mm/fault_inject.h"

namespace mm {

constinit FaultAttr failslab{.name = "failslab"};
constinit FaultAttr fail_page_alloc{.name = "fail_page_alloc"};
TaskFaults* (*current_task_faults)() = nullptr;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void report(const FaultAttr& attr) {
    const i32 verbose = attr.verbose.load(kRelaxed);
    if (verbose == 0) return;
    printk(Level::Notice,
           "FAULT_INJECTION: forcing a failure. name %s, interval %d, probability %d, space %d, "
           "times %d",
           attr.name, attr.interval.load(kRelaxed), attr.probability.load(kRelaxed),
           attr.space.load(kRelaxed), attr.times.load(kRelaxed));
    if (verbose > 1) print_backtrace(arch::frame_pointer(), 0);
}

/// Whether this allocation is the one that the task asked for; counts down to it.
bool is_the_nth(TaskFaultsChecked& task) {
    const u32 left = task.fail_nth.load(kRelaxed);
    if (left == 0) return false;
    task.fail_nth.store(left - 1, kRelaxed);
    return left == 1;
}

/// Takes `bytes` from what is given out before the first failure; whether nothing was left.
bool is_out_of_space(FaultAttr& attr, usize bytes) {
    const i32 left = attr.space.load(kRelaxed);
    if (left <= 0 || bytes >= usize(left)) return true;
    attr.space.fetch_sub(i32(bytes), kRelaxed);
    return false;
}

bool fails_by_chance(FaultAttr& attr, const TaskFaultsChecked* task, usize bytes) {
    const i32 probability = attr.probability.load(kRelaxed);
    if (probability <= 0 || attr.times.load(kRelaxed) == 0) return false;
    if (attr.task_filter.load(kRelaxed) &&
        (task == nullptr || !task->make_it_fail.load(kRelaxed))) {
        return false;
    }
    if (!is_out_of_space(attr, bytes)) return false;
    const i32 interval = attr.interval.load(kRelaxed);
    if (interval > 1 && attr.counter.fetch_add(1, kRelaxed) % u32(interval) != 0) return false;
    return probability >= 100 || get_random_u64() % 100 < u64(probability);
}

bool should_fail(FaultAttr& attr, usize bytes) {
    TaskFaultsChecked* const task =
        in_task() && current_task_faults != nullptr ? current_task_faults() : nullptr;
    if (task == nullptr || !is_the_nth(*task)) {
        if (!fails_by_chance(attr, task, bytes)) return false;
        if (attr.times.load(kRelaxed) > 0) attr.times.fetch_sub(1, kRelaxed);
    }
    report(attr);
    return true;
}

bool is_spared(const FaultAttr& attr, Gfp gfp) {
    if (has(gfp, Gfp::NoFail)) return true;
    return attr.ignore_gfp_wait.load(kRelaxed) && has(gfp, Gfp::DirectReclaim);
}

}  // namespace

bool inject_slab_fault(usize bytes, Gfp gfp) {
    return !is_spared(failslab, gfp) && should_fail(failslab, bytes);
}

bool inject_page_fault(unsigned order, Gfp gfp) {
    if (i32(order) < fail_page_alloc.min_order.load(kRelaxed)) return false;
    return !is_spared(fail_page_alloc, gfp) && should_fail(fail_page_alloc, kPageSize << order);
}

}  // namespace mm
