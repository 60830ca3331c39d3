// Many objects at once. Linux: kmem_cache_alloc_bulk() and kmem_cache_free_bulk() in mm/slub.c.

#include "mm/fault_inject.h"
#include "mm/kasan.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/fast_path.h"
#include "mm/slab/freelist.h"

namespace mm {

namespace {

/// As many as this processor's freelist has, with one transaction. Returns how many.
usize take_from_freelist(KmemCache& cache, std::span<void*> objects) {
    IrqOffGuard guard;
    KmemCacheCpu& cpu = this_cpu(*cache.cpu_slab.load(std::memory_order_relaxed));
    usize taken = 0;
    while (taken < objects.size() && cpu.freelist != 0) {
        objects[taken++] = reinterpret_cast<void*>(cpu.freelist);
        cpu.freelist = next_free(cache, cpu.freelist);
    }
    cpu.tid += kTidStep;
    cpu.stat[static_cast<u8>(SlabStat::AllocFastpath)] += u32(taken);
    return taken;
}

}  // namespace

bool kmem_cache_alloc_bulk(KmemCache& cache, Gfp gfp, std::span<void*> objects) {
    if (should_fail_slab(cache.object_size, gfp)) return false;
    usize taken = 0;
    while (taken < objects.size()) {
        if (cache.is_ready.load(std::memory_order_acquire)) {
            taken += take_from_freelist(*cache.root, objects.subspan(taken));
            if (taken == objects.size()) break;
        }
        void* const object = alloc_slow(cache, gfp);  // refills the freelist
        if (object == nullptr) {
            kmem_cache_free_bulk(cache, objects.first(taken));
            return false;
        }
        objects[taken++] = object;
    }
    for (void* object : objects) kasan_alloc_object(cache, object, cache.object_size);
    if (has(gfp, Gfp::Zero)) {
        for (void* object : objects) memset(object, 0, cache.object_size);
    }
    return true;
}

/// Neighbours in `objects` that lie in one slab go back as one chain.
void kmem_cache_free_bulk(KmemCache& any, std::span<void*> objects) {
    KmemCache& cache = *any.root;
    if constexpr (kKasan) {  // each has its turn in the quarantine
        for (void* object : objects) kmem_cache_free(cache, object);
        return;
    }
    for (usize i = 0; i < objects.size();) {
        void* const tail = objects[i];
        Page& slab = slab_of(tail);
        if (slab.slab_cache != &cache) {
            report_wrong_cache(any, slab, tail);
            i++;
            continue;
        }
        void* head = tail;
        u32 length = 1;
        const bool chains = !is_debugged(cache);  // else each is checked before it is written to
        for (i++; chains && i < objects.size() && &slab_of(objects[i]) == &slab; i++, length++) {
            set_next_free(cache, reinterpret_cast<u64>(objects[i]), reinterpret_cast<u64>(head));
            head = objects[i];
        }
        if (!put_chain_fast(cache, slab, head, tail, length)) {
            free_slow(cache, slab, head, tail, length);
        }
    }
}

}  // namespace mm
