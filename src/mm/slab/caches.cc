// The list of all caches; their beginning and their end. Linux: mm/slab_common.c.

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/random/random.h"
#include "core/rcu/rcu.h"
#include "lib/bitmap.h"
#include "mm/kasan.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/options.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/internal.h"
#include "mm/slab/layout.h"
#include "mm/slab/merge.h"

namespace mm {

PER_CPU KmemCacheCpu kmem_cache_cpus[kMaxCaches]{};

namespace {

constinit SpinLock caches_lock{"slab_caches", LockRank::SlabCaches};
constinit KmemCache* caches GUARDED_BY(caches_lock) = nullptr;
constinit Bitmap<kMaxCaches> used_places GUARDED_BY(caches_lock);

/// Finds the cache a place in the per-CPU array. False: there is none.
bool give_place(KmemCache& cache) REQUIRES(caches_lock) {
    const usize place = used_places.find_clear(1);
    if (place >= kMaxCaches) return false;
    used_places.set(place);
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        KmemCacheCpu& its = *new (&per_cpu(kmem_cache_cpus[place], cpu)) KmemCacheCpu{};
        its.tid = cpu;
    });
    cache.cpu_slab.store(&kmem_cache_cpus[place], std::memory_order_release);
    return true;
}

void take_layout(KmemCache& cache, const SlabLayout& layout) {
    cache.size = layout.size;
    cache.inuse = layout.inuse;
    cache.offset = layout.offset;
    cache.red_left_pad = layout.red_left_pad;
    cache.align = layout.align;
    cache.objects = layout.objects;
    cache.order = layout.order;
    cache.min_order = layout.min_order;
    cache.min_partial = calculate_min_partial(layout.size);
    cache.cpu_partial_slabs = calculate_cpu_partial(layout.size, layout.objects);
    if (has(cache.flags, SlabFlags::Hardened)) cache.secret = get_random_u64() | 1;
}

void become_alias(KmemCache& cache, KmemCache& root) REQUIRES(caches_lock) {
    cache.root = &root;
    cache.secret = root.secret;
    cache.offset = root.offset;
    cache.size = root.size;
    cache.order = root.order;
    cache.objects = root.objects;
    root.refcount++;
    // So that an object which is allocated zeroed is so up to the end of what either may use.
    root.object_size = std::max(root.object_size, cache.object_size);
    cache.cpu_slab.store(root.cpu_slab.load(std::memory_order_relaxed), std::memory_order_release);
}

SlotNeeds needs_of(const KmemCache& cache) {
    return {.object_size = cache.object_size,
            .align = cache.align,
            .flags = cache.flags,
            .has_ctor = cache.ctor != nullptr,
            .track_bytes = kTrackBytes,
            .kasan_bytes = kasan_slot_bytes()};
}

/// EINVAL, ENOMEM.
Result<void> lay_out_locked(KmemCache& cache) REQUIRES(caches_lock) {
    cache.flags = cache.flags | debug_flags_for(cache.name());
    const SlabLayout layout = TRY(calculate_layout(needs_of(cache)));
    if (KmemCache* const root = find_mergeable(caches, cache, layout)) {
        become_alias(cache, *root);
    } else {
        take_layout(cache, layout);
        if (!give_place(cache)) return ENOMEM;
    }
    cache.next = caches;
    caches = &cache;
    cache.is_ready.store(true, std::memory_order_release);
    return {};
}

/// Takes a dead cache that nobody looks at out of the list, and ends it.
void remove_locked(KmemCache& cache) REQUIRES(caches_lock) {
    KmemCache** at = &caches;
    while (*at != &cache) at = &(*at)->next;
    *at = cache.next;
    if (cache.root == &cache) {
        used_places.clear(
            usize(cache.cpu_slab.load(std::memory_order_relaxed) - &kmem_cache_cpus[0]));
    }
}

void end(KmemCache& cache) {
    cache.~KmemCache();
    kfree(&cache);
}

/// Drops one user. True: it was the last one.
bool drop_user(KmemCache& cache) {
    IrqGuard guard(caches_lock);
    if (cache.refcount > 1) {
        cache.refcount--;
        return false;
    }
    return true;
}

/// Marks it, so that it goes when no cursor stands on it. True: that is now.
bool bury(KmemCache& cache) {
    IrqGuard guard(caches_lock);
    cache.is_dead = true;
    if (cache.cursors > 0) return false;
    remove_locked(cache);
    return true;
}

}  // namespace

void lay_out(KmemCache& cache) {
    IrqGuard guard(caches_lock);
    if (cache.is_ready.load(std::memory_order_relaxed)) return;
    if (!lay_out_locked(cache).ok()) panic("slab: no cache %s is possible", cache.name());
}

Result<KmemCache*> kmem_cache_create(const char* name, usize size, usize align, SlabFlags flags,
                                     KmemCache::Ctor ctor) {
    Result<void> made = EINVAL;
    if (name != nullptr && size > 0 && size <= kPageSize << kMaxOrder && align <= kPageSize) {
        Result<void*> memory = kmalloc(sizeof(KmemCache), Gfp::Kernel);
        if (memory.ok()) {
            auto* const cache = new (memory.value()) KmemCache(name, size, align, flags, ctor);
            cache->is_dynamic = true;
            {
                IrqGuard guard(caches_lock);
                made = lay_out_locked(*cache);
            }
            if (made.ok()) return cache;
            end(*cache);
        } else {
            made = ENOMEM;
        }
    }
    if (has(flags, SlabFlags::Panic)) panic("kmem_cache_create: no cache %s", name);
    return made.error();
}

Result<void> kmem_cache_destroy(KmemCache& cache) {
    ASSERT(cache.is_dynamic);
    KmemCache& root = *cache.root;
    if (&root == &cache) {
        if (cache.refcount == 1) {
            kmem_cache_shrink(cache);
            if (cache.node[0].nr_slabs.load(std::memory_order_relaxed) != 0) {
                report_objects_remain(cache);
                return EBUSY;
            }
        }
        // A root whose aliases live on stays for them.
        if (!drop_user(cache)) return {};
        if (has(cache.flags, SlabFlags::TypesafeByRcu)) rcu_barrier();
    }
    if (bury(cache)) end(cache);
    return {};
}

CacheCursor::~CacheCursor() {
    while (at_ != nullptr) next();
}

KmemCache* CacheCursor::next() {
    KmemCache* gone = nullptr;
    {
        IrqGuard guard(caches_lock);
        KmemCache* const old = at_;
        at_ = old == nullptr ? caches : old->next;
        while (at_ != nullptr && at_->is_dead) at_ = at_->next;
        if (at_ != nullptr) at_->cursors++;
        if (old != nullptr && --old->cursors == 0 && old->is_dead) {
            remove_locked(*old);
            gone = old;
        }
    }
    if (gone != nullptr) end(*gone);
    return at_;
}

}  // namespace mm
