/// Counts of what memory is used for and what happened to it, for /proc/meminfo and /proc/vmstat.
/// All of memory management counts here and nowhere else.
///
///     count_vm(VmItem::PageFaults);        // one more
///     count_vm(VmItem::AnonPages, -1);     // one less
///     vm_count(VmItem::AnonPages)          // how many now
///
/// Each processor counts for itself, with one instruction and in any context; a page may be counted
/// in on one and out on another, so only sums mean something. Linux: mm/vmstat.c.
#pragma once

#include "core/percpu/percpu.h"

namespace mm {

/// The items, in the order of /proc/vmstat; vm_stat.cc has the name of each.
enum class VmItem : u8 {
    // --- how many pages are now …
    InactiveAnon,
    ActiveAnon,
    InactiveFile,
    ActiveFile,
    Unevictable,
    SlabReclaimable,
    SlabUnreclaimable,
    IsolatedAnon,
    IsolatedFile,
    WorkingsetNodes,
    WorkingsetRefaultAnon,
    WorkingsetRefaultFile,
    WorkingsetActivateAnon,
    WorkingsetActivateFile,
    WorkingsetRestoreAnon,
    WorkingsetRestoreFile,
    WorkingsetNodeReclaim,
    AnonPages,
    MappedPages,
    FilePages,
    Dirty,
    Writeback,
    Shmem,
    ShmemHugepages,
    ShmemPmdMapped,
    FileHugepages,
    FilePmdMapped,
    AnonHugepages,
    VmscanWrite,
    VmscanImmediate,
    Dirtied,
    Written,
    KernelMiscReclaimable,
    KernelStackKib,
    TablePages,
    SwapCached,
    Mlocked,

    // --- how often it happened
    PageIn,  // KiB read from and written to block devices
    PageOut,
    SwapIn,
    SwapOut,
    AllocDma,  // the three zones, in their order
    AllocDma32,
    AllocNormal,
    AllocStall,
    PageFree,
    PageActivate,
    PageDeactivate,
    PageLazyFree,
    PageFaults,
    MajorFaults,
    PageLazyFreed,
    PageRefill,
    PageReuse,
    StealKswapd,
    StealDirect,
    ScanKswapd,
    ScanDirect,
    ScanDirectThrottle,
    ScanAnon,
    ScanFile,
    StealAnon,
    StealFile,
    InodeSteal,
    SlabsScanned,
    KswapdInodeSteal,
    KswapdLowHitQuickly,
    KswapdHighHitQuickly,
    PageOutRun,
    PageRotated,
    DropPagecache,
    DropSlab,
    OomKill,
    PageMigrated,
    PageMigrateFailed,
    UnevictableCulled,
    UnevictableScanned,
    UnevictableRescued,
    UnevictableMlocked,
    UnevictableMunlocked,
    UnevictableCleared,
    UnevictableStranded,
    ThpFaultAlloc,
    ThpFaultFallback,
    ThpCollapseAlloc,
    ThpCollapseAllocFailed,
    ThpSplitPage,
    ThpSplitPageFailed,
    ThpDeferredSplitPage,
    ThpSplitPmd,
    ThpZeroPageAlloc,
    ThpZeroPageAllocFailed,
    ThpSwpout,
    ThpSwpoutFallback,
    SwapRa,
    SwapRaHit,
    Count,
};
inline constexpr usize kVmItems = static_cast<usize>(VmItem::Count);

struct VmCounts {
    u64 value[kVmItems];  // modulo 2^64
};
extern VmCounts vm_counts;  // per-CPU

inline void count_vm(VmItem item, i64 by = 1) {
    arch::this_cpu_add(vm_counts.value[static_cast<u8>(item)], static_cast<u64>(by));
}
/// For items that stand next to each other: the one that is `offset` behind `first`.
inline void count_vm_at(VmItem first, unsigned offset, u64 by) {
    arch::this_cpu_add(vm_counts.value[static_cast<u8>(first) + offset], by);
}

/// The sum over all processors. While they count it may be a little off, but never below 0.
u64 vm_count(VmItem item);

/// Its name in /proc/vmstat.
const char* vm_item_name(VmItem item);

}  // namespace mm
