// LAB FILE (05-slab): giving back slabs that nobody needs: on request, and when memory is short.

#include "core/irq/ipi.h"
#include "lib/lab.h"
#include "mm/slab/internal.h"

namespace mm {

namespace {

/// On each processor, with interrupts off.
void flush_this_cpu(void* argument) {
    KmemCache& cache = *static_cast<KmemCache*>(argument);
    KmemCacheCpu& cpu = this_cpu(*cache.cpu_slab.load(std::memory_order_relaxed));
    if (cpu.slab != nullptr) flush_slab(cache, cpu);
    unfreeze_partials(cache, cpu);
}

/// A look from outside: who has something may get it just now, which does no harm.
bool has_slabs(KmemCache& cache, unsigned cpu) {
    KmemCacheCpu& its = per_cpu(*cache.cpu_slab.load(std::memory_order_relaxed), cpu);
    return std::atomic_ref(its.slab).load(std::memory_order_relaxed) != nullptr ||
           std::atomic_ref(its.partial).load(std::memory_order_relaxed) != nullptr;
}

using SlabList = List<Page, &Page::link>;

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  the node's lock is free.
///   After   the slabs of the list in which nothing is in use are in `empty`, and on the list no
///           more. Those with one free object come first, then those with two, and so on; with
///           sixteen and more in any order.
///   Use     IrqGuard, counters_of(), add_partial(), remove_partial(), a list for each number.
///   Check   `make grade LAB=slab T=shrink`
[[maybe_unused]] void sort_partial(KmemCacheNode& node, SlabList& empty) {
#ifdef SOLVED_SLAB
    constexpr u32 kClasses = 16;  // by how many objects are free
    SlabList by_free[kClasses];
    IrqGuard guard(node.list_lock);
    while (Page* const slab = node.partial.front()) {
        remove_partial(node, *slab);
        const SlabCounters counters = counters_of(*slab);
        const u32 free = counters.objects - counters.inuse;
        if (counters.inuse == 0) {
            empty.push_back(*slab);
        } else {
            by_free[std::min(free, kClasses) - 1].push_back(*slab);
        }
    }
    for (SlabList& list : by_free) {
        while (Page* const slab = list.pop_front()) add_partial(node, *slab, Where::Tail);
    }
#else
    lab_todo("slab", "sort_partial");
#endif
}

u64 shrink_for_reclaim(u64) { return kmem_cache_shrink_all(); }
constinit Shrinker shrinker{.name = "slab", .shrink = shrink_for_reclaim};

}  // namespace

void flush_all(KmemCache& cache) {
    u64 cpus = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        if (has_slabs(cache, cpu)) cpus |= u64{1} << cpu;
    });
    if (cpus == 0) return;
    PreemptGuard stay;
    irq::call_on_cpus(cpus, flush_this_cpu, &cache);
    IrqOffGuard guard;
    flush_this_cpu(&cache);
}

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  interrupts are on. The cache may be an alias, and may not have been laid out yet.
///   After   no processor keeps slabs, none is left in which nothing is in use, and the others are
///           sorted. Returns how many pages those had that sort_partial() has found empty.
///   Use     flush_all(), sort_partial(), discard_slab().
///   Check   `make grade LAB=slab T=shrink`
u64 kmem_cache_shrink(KmemCache& any) {
#ifdef SOLVED_SLAB
    KmemCache& cache = *any.root;
    if (!cache.is_ready.load(std::memory_order_acquire)) return 0;
    flush_all(cache);
    u64 pages = 0;
    for (KmemCacheNode& node : cache.node) {
        SlabList empty;
        sort_partial(node, empty);
        while (Page* const slab = empty.pop_front()) {
            pages += u64{1} << slab->order;
            discard_slab(cache, *slab);
        }
    }
    return pages;
#else
    lab_todo("slab", "kmem_cache_shrink");
#endif
}

u64 kmem_cache_shrink_all() {
    u64 pages = 0;
    for (CacheCursor at; KmemCache* cache = at.next();) pages += kmem_cache_shrink(*cache);
    return pages;
}

void kmem_cache_init() { register_shrinker(shrinker); }

}  // namespace mm
