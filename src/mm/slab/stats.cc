// Sums over processors and nodes. All are counted without a lock, so while others allocate they are
// a little off.

#include "mm/kasan.h"
#include "mm/slab/internal.h"

namespace mm {

u64 sum_of(const KmemCache& cache, SlabStat what) {
    KmemCacheCpu& slot = *cache.cpu_slab.load(std::memory_order_relaxed);
    u32 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        sum += std::atomic_ref(per_cpu(slot, cpu).stat[static_cast<u8>(what)])
                   .load(std::memory_order_relaxed);
    });
    return sum;
}

KmemCache::Stats KmemCache::stats() {
    using enum SlabStat;
    const KmemCache& cache = *root;
    Stats stats{};
    for (const KmemCacheNode& each : cache.node) {
        stats.slabs += each.nr_slabs.load(std::memory_order_relaxed);
        stats.objects_total += each.total_objects.load(std::memory_order_relaxed);
    }
    const u32 in_use = u32(sum_of(cache, AllocFastpath) + sum_of(cache, AllocSlowpath) -
                           sum_of(cache, FreeFastpath) - sum_of(cache, FreeSlowpath) -
                           kasan_waiting_objects(cache));
    stats.objects_in_use = i32(in_use) < 0 ? 0 : in_use;
    stats.slot_size = cache.size;
    stats.objects_per_slab = cache.objects;
    stats.order = cache.order;
    return stats;
}

u64 KmemCache::pages() const {
    u64 pages = 0;
    for (const KmemCacheNode& each : root->node) {
        pages += each.nr_pages.load(std::memory_order_relaxed);
    }
    return pages;
}

}  // namespace mm
