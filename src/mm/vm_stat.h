/// Counts of what memory is used for and what happened to it, for /proc/meminfo and /proc/vmstat.
///
/// Each processor counts for itself, with one instruction and in any context; a page may be counted
/// in on one and out on another, so only sums mean something. Linux: mm/vmstat.c.
#pragma once

#include "core/percpu/percpu.h"

namespace mm {

enum class VmItem : u8 { PageFaults, MajorFaults, AnonPages, MappedPages, TablePages };
inline constexpr usize kVmItems = 5;

struct VmCounts {
    u64 value[kVmItems];  // modulo 2^64
};
extern VmCounts vm_counts;  // per-CPU

inline void count_vm(VmItem item, i64 by = 1) {
    arch::this_cpu_add(vm_counts.value[static_cast<u8>(item)], static_cast<u64>(by));
}

/// The sum over all processors. While they count it may be a little off, but never below 0.
u64 vm_count(VmItem item);

}  // namespace mm
