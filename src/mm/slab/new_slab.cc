// LAB FILE (05-slab): making a slab of fresh pages, and giving them back. Linux: allocate_slab(),
// __free_slab().

#include "core/random/random.h"
#include "core/rcu/rcu.h"
#include "lib/lab.h"
#include "mm/kasan.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/freelist.h"
#include "mm/slab/internal.h"
#include "mm/vm_stat.h"

namespace mm {

namespace {

/// LAB slab, task 2 "A slab" (handouts/05-slab.md). Write the body.
///   Before  any context that `gfp` allows.
///   After   a compound page of cache.order, which nothing was reclaimed for; or, if there is none,
///           one of cache.min_order, for which all was done that `gfp` allows (counted:
///           OrderFallback). `order` tells which. Null: no memory. Never zeroed; Gfp::Reclaimable
///           for a cache with ReclaimAccount.
///   Use     alloc_pages(), without(); Gfp::DirectReclaim, NoFail, NoWarn, NoRetry, Comp.
///   Check   `make grade LAB=slab T=slab_`
///   Think   why not reclaim for the larger one?
Page* alloc_slab_pages(KmemCache& cache, Gfp gfp, u8& order) {
#ifdef SOLVED_SLAB
    gfp = without(gfp, Gfp::Zero) | Gfp::Comp;
    if (has(cache.flags, SlabFlags::ReclaimAccount)) gfp = gfp | Gfp::Reclaimable;
    order = cache.order;
    if (order > cache.min_order) {
        // Nothing is reclaimed for its sake.
        const Gfp light = without(gfp, Gfp::DirectReclaim | Gfp::NoFail);
        Result<Page*> best = alloc_pages(light | Gfp::NoWarn | Gfp::NoRetry, order);
        if (best.ok()) return best.value();
        order = cache.min_order;
        count(cache, SlabStat::OrderFallback);
    }
    Result<Page*> page = alloc_pages(gfp, order);
    return page.ok() ? page.value() : nullptr;
#else
    lab_todo("slab", "alloc_slab_pages");
#endif
}

void count_pages(const KmemCache& cache, i64 pages) {
    count_vm(has(cache.flags, SlabFlags::ReclaimAccount) ? VmItem::SlabReclaimable
                                                         : VmItem::SlabUnreclaimable,
             pages);
}

u64 address_of(const KmemCache& cache, const Page& slab, u32 index) {
    return reinterpret_cast<u64>(object_at(cache, slab, index));
}

/// LAB slab, task 2 "A slab" (handouts/05-slab.md). Write the body.
///   Before  the slab is nobody's yet.
///   After   slab.slab_freelist is the first of `objects` objects, each leads to the next, and the
///           last to 0.
///   Use     address_of(), set_next_free().
///   Check   `make grade LAB=slab T=slab_`
[[maybe_unused]] void chain_in_order(KmemCache& cache, Page& slab, u32 objects) {
#ifdef SOLVED_SLAB
    u64 next = 0;
    for (u32 i = objects; i-- > 0;) {
        const u64 object = address_of(cache, slab, i);
        set_next_free(cache, object, next);
        next = object;
    }
    slab.slab_freelist = next;
#else
    lab_todo("slab", "chain_in_order");
#endif
}

/// A random chain by Sattolo's algorithm, which makes a permutation that is one single circle: the
/// free pointers hold the numbers of successors while it runs, and the circle is cut open.
[[maybe_unused]] void chain_shuffled(KmemCache& cache, Page& slab, u32 objects) {
    const auto word = [&](u32 index) -> u64& {
        return *reinterpret_cast<u64*>(address_of(cache, slab, index) + cache.offset);
    };
    for (u32 i = 0; i < objects; i++) word(i) = i;
    for (u32 i = objects; i-- > 1;) std::swap(word(i), word(u32(get_random_u64() % i)));
    const u32 last = u32(get_random_u64() % objects);
    const u64 first = word(last);
    for (u32 i = 0; i < objects; i++) {
        const u64 next = i == last ? 0 : address_of(cache, slab, u32(word(i)));
        set_next_free(cache, address_of(cache, slab, i), next);
    }
    slab.slab_freelist = address_of(cache, slab, u32(first));
}

/// LAB slab, task 2 "A slab" (handouts/05-slab.md). Write the body.
///   Before  the slab's pages are fresh, its cache and order are set.
///   After   debug_set_up_slab() has run if the cache is debugged; then the constructor, if there
///           is one, once for each object; then they were chained, shuffled if the cache wants that
///           and there is more than one. The slab's counters: none in use, `objects` of them,
///           frozen.
///   Use     object_at(), chain_in_order(), chain_shuffled(), SlabCounters, std::bit_cast.
///   Check   `make grade LAB=slab T=slab_`
///   Think   why the constructor once per slab, and not per allocation? What must who frees an
///           object see to?
void set_up_objects(KmemCache& cache, Page& slab, u32 objects) {
#ifdef SOLVED_SLAB
    if (is_debugged(cache)) debug_set_up_slab(cache, slab, objects);
    if (cache.ctor != nullptr) {
        for (u32 i = 0; i < objects; i++) cache.ctor(object_at(cache, slab, i));
    }
    if (has(cache.flags, SlabFlags::Shuffled) && objects > 1) {
        chain_shuffled(cache, slab, objects);
    } else {
        chain_in_order(cache, slab, objects);
    }
    const SlabCounters counters{.inuse = 0, .objects = u16(objects), .frozen = 1};
    slab.slab_counters = std::bit_cast<u64>(counters);
#else
    lab_todo("slab", "set_up_objects");
#endif
}

void free_slab(Page& slab) {
    slab.clear(kPageSlab);
    slab.slab_cache = nullptr;
    free_pages(slab, slab.order);
}

/// While it waits, the slab's link, which no list needs, is the RCU head.
static_assert(sizeof(RcuHead) == sizeof(ListLink));
void free_slab_later(Page& slab) {
    auto* const head = new (static_cast<void*>(&slab.link)) RcuHead;
    call_rcu(*head, [](RcuHead& done) {
        Page& page =
            *reinterpret_cast<Page*>(reinterpret_cast<char*>(&done) - offsetof(Page, link));
        new (static_cast<void*>(&page.link)) ListLink;
        free_slab(page);
    });
}

}  // namespace

Page* new_slab(KmemCache& cache, Gfp gfp) {
    u8 order;
    Page* const slab = alloc_slab_pages(cache, gfp, order);
    if (slab == nullptr) return nullptr;
    slab->order = order;
    slab->slab_cache = &cache;
    slab->slab_next = nullptr;
    slab->set(kPageSlab);
    const u32 objects =
        order == cache.order ? cache.objects : u32((kPageSize << order) / cache.size);
    set_up_objects(cache, *slab, objects);
    kasan_new_slab(*slab, order);
    KmemCacheNode& node = node_of(cache, *slab);
    node.nr_slabs.fetch_add(1, std::memory_order_relaxed);
    node.nr_pages.fetch_add(u64{1} << order, std::memory_order_relaxed);
    count_pages(cache, i64{1} << order);
    node.total_objects.fetch_add(objects, std::memory_order_relaxed);
    count(cache, SlabStat::AllocSlab);
    return slab;
}

void discard_slab(KmemCache& cache, Page& slab) {
    if (is_debugged(cache)) debug_check_slab(cache, slab);
    KmemCacheNode& node = node_of(cache, slab);
    node.nr_slabs.fetch_sub(1, std::memory_order_relaxed);
    node.nr_pages.fetch_sub(u64{1} << slab.order, std::memory_order_relaxed);
    count_pages(cache, -(i64{1} << slab.order));
    node.total_objects.fetch_sub(counters_of(slab).objects, std::memory_order_relaxed);
    count(cache, SlabStat::FreeSlab);
    if (has(cache.flags, SlabFlags::TypesafeByRcu)) {
        free_slab_later(slab);
    } else {
        free_slab(slab);
    }
}

}  // namespace mm
