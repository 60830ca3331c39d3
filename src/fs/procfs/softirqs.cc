// /proc/softirqs, and what /proc/stat tells of it.
#include "core/percpu/percpu.h"
#include "core/softirq/softirq.h"
#include "fs/procfs/system.h"

namespace procfs {

static u64 total(unsigned number) {
    u64 sum = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) { sum += softirq::count(number, cpu); });
    return sum;
}

void print_softirq_totals(SeqFile& out) {
    u64 sum = 0;
    for (unsigned i = 0; i < softirq::kCount; i++) sum += total(i);
    out.print("softirq %lu", sum);
    for (unsigned i = 0; i < softirq::kCount; i++) out.print(" %lu", total(i));
    out.print("\n");
}

Result<void> show_softirqs(SeqFile& out, void*) {
    out.print("%20s", "");
    for_each_cpu(possible_cpus, [&](unsigned cpu) { out.print("CPU%-8u", cpu); });
    out.print("\n");
    for (unsigned i = 0; i < softirq::kCount; i++) {
        out.print("%12s:", softirq::name(i));
        for_each_cpu(possible_cpus,
                     [&](unsigned cpu) { out.print(" %10lu", softirq::count(i, cpu)); });
        out.print("\n");
    }
    return {};
}

}  // namespace procfs
