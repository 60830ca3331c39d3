// See vm_stat.h.
#include "mm/vm_stat.h"

namespace mm {

PER_CPU VmCounts vm_counts{};

u64 vm_count(VmItem item) {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        sum += std::atomic_ref(per_cpu(vm_counts, cpu).value[static_cast<u8>(item)])
                   .load(std::memory_order_relaxed);
    });
    return static_cast<i64>(sum) < 0 ? 0 : sum;
}

}  // namespace mm
