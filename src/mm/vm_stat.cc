// See vm_stat.h.
#include "mm/vm_stat.h"

#include "mm/highmem.h"

namespace mm {

PER_CPU VmCounts vm_counts{};
PER_CPU u64 kmap_depth = 0;

namespace {

/// In the order of VmItem.
constexpr const char* kNames[] = {
    "nr_inactive_anon",
    "nr_active_anon",
    "nr_inactive_file",
    "nr_active_file",
    "nr_unevictable",
    "nr_slab_reclaimable",
    "nr_slab_unreclaimable",
    "nr_isolated_anon",
    "nr_isolated_file",
    "workingset_nodes",
    "workingset_refault_anon",
    "workingset_refault_file",
    "workingset_activate_anon",
    "workingset_activate_file",
    "workingset_restore_anon",
    "workingset_restore_file",
    "workingset_nodereclaim",
    "nr_anon_pages",
    "nr_mapped",
    "nr_file_pages",
    "nr_dirty",
    "nr_writeback",
    "nr_shmem",
    "nr_shmem_hugepages",
    "nr_shmem_pmdmapped",
    "nr_file_hugepages",
    "nr_file_pmdmapped",
    "nr_anon_transparent_hugepages",
    "nr_vmscan_write",
    "nr_vmscan_immediate_reclaim",
    "nr_dirtied",
    "nr_written",
    "nr_kernel_misc_reclaimable",
    "nr_kernel_stack",
    "nr_page_table_pages",
    "nr_swapcached",
    "nr_mlock",
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgalloc_dma",
    "pgalloc_dma32",
    "pgalloc_normal",
    "allocstall_normal",
    "pgfree",
    "pgactivate",
    "pgdeactivate",
    "pglazyfree",
    "pgfault",
    "pgmajfault",
    "pglazyfreed",
    "pgrefill",
    "pgreuse",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgscan_direct_throttle",
    "pgscan_anon",
    "pgscan_file",
    "pgsteal_anon",
    "pgsteal_file",
    "pginodesteal",
    "slabs_scanned",
    "kswapd_inodesteal",
    "kswapd_low_wmark_hit_quickly",
    "kswapd_high_wmark_hit_quickly",
    "pageoutrun",
    "pgrotated",
    "drop_pagecache",
    "drop_slab",
    "oom_kill",
    "pgmigrate_success",
    "pgmigrate_fail",
    "unevictable_pgs_culled",
    "unevictable_pgs_scanned",
    "unevictable_pgs_rescued",
    "unevictable_pgs_mlocked",
    "unevictable_pgs_munlocked",
    "unevictable_pgs_cleared",
    "unevictable_pgs_stranded",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "thp_collapse_alloc",
    "thp_collapse_alloc_failed",
    "thp_split_page",
    "thp_split_page_failed",
    "thp_deferred_split_page",
    "thp_split_pmd",
    "thp_zero_page_alloc",
    "thp_zero_page_alloc_failed",
    "thp_swpout",
    "thp_swpout_fallback",
    "swap_ra",
    "swap_ra_hit",
};
static_assert(sizeof kNames / sizeof kNames[0] == kVmItems);

}  // namespace

u64 vm_count(VmItem item) {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        sum += std::atomic_ref(per_cpu(vm_counts, cpu).value[static_cast<u8>(item)])
                   .load(std::memory_order_relaxed);
    });
    return static_cast<i64>(sum) < 0 ? 0 : sum;
}

u64 kmap_count() {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += per_cpu(kmap_depth, cpu); });
    return sum;
}

const char* vm_item_name(VmItem item) { return kNames[static_cast<u8>(item)]; }

}  // namespace mm
