// See percpu_counter.h.

#include "mm/percpu/percpu_counter.h"

#include "mm/slab.h"

namespace mm {

Result<void> PerCpuCounter::init(i64 value) {
    const usize bytes = possible_cpus.count() * sizeof(Local);
    locals_ = static_cast<Local*>(TRY(kmalloc(bytes, Gfp::Kernel | Gfp::Zero)));
    count_.store(value, std::memory_order_relaxed);
    return {};
}

PerCpuCounter::~PerCpuCounter() { kfree(locals_); }

/// A change that comes from another processor, or an interrupt, stays for the next time.
void PerCpuCounter::flush(Local& local) {
    IrqGuard guard(lock_);
    count_.fetch_add(local.value.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
}

void PerCpuCounter::add(i64 amount) {
    // A task that moves away before it adds does it on another's line: slower, but not wrong.
    Local& local = locals_[cpu_id()];
    const i64 value = local.value.fetch_add(amount, std::memory_order_relaxed) + amount;
    if (value >= kBatch || value <= -kBatch) flush(local);
}

i64 PerCpuCounter::sum() {
    IrqGuard guard(lock_);
    i64 sum = read();
    for_each_cpu(possible_cpus,
                 [&](unsigned cpu) { sum += locals_[cpu].value.load(std::memory_order_relaxed); });
    return sum;
}

int PerCpuCounter::compare(i64 limit) {
    i64 value = read();
    const i64 error = kBatch * possible_cpus.count();
    if (value - limit <= error && limit - value <= error) value = sum();
    return value < limit ? -1 : value > limit;
}

}  // namespace mm
