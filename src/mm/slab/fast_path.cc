// LAB FILE (05-slab): allocating and freeing one object. See fast_path.h.

#include "mm/slab/fast_path.h"

#include "lib/lab.h"
#include "mm/fault_inject.h"
#include "mm/kasan.h"
#include "mm/mm_trace.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/freelist.h"

namespace mm {

namespace {

/// LAB slab, task 3 "The fast path" (handouts/05-slab.md). Write the body.
///   Before  interrupts are on or off; the next instruction may run on another processor.
///   After   the first object of this processor's freelist, taken off together with a new tid (one
///           step further) by one compare-and-exchange, and counted (AllocFastpath); tried again
///           (counted: CmpxchgDoubleCpuFail) until nothing has come between. Null if the freelist
///           is empty.
///   Use     cache.cpu_slab, arch::this_cpu_read(), next_free(), arch::this_cpu_cmpxchg_double(),
///           kTidStep, count().
///   Check   `make grade LAB=slab T=fast`
///   Think   which of tid and freelist must be read first?
[[gnu::always_inline]] inline void* take_fast(KmemCache& cache) {
#ifdef SOLVED_SLAB
    for (;;) {
        KmemCacheCpu& cpu = *cache.cpu_slab.load(std::memory_order_acquire);
        const u64 tid = arch::this_cpu_read(cpu.tid);  // first: it guards what is read after it
        const u64 object = arch::this_cpu_read(cpu.freelist);
        if (object == 0) [[unlikely]] {
            return nullptr;
        }
        const u64 next = next_free(cache, object);
        if (arch::this_cpu_cmpxchg_double(cpu.freelist, {object, tid}, {next, tid + kTidStep}))
            [[likely]] {
            count(cpu, SlabStat::AllocFastpath);
            return reinterpret_cast<void*>(object);
        }
        count(cpu, SlabStat::CmpxchgDoubleCpuFail);
    }
#else
    lab_todo("slab", "take_fast");
#endif
}

/// LAB slab, task 3 "The fast path" (handouts/05-slab.md). Write the body.
///   Before  `head` to `tail` are a chain of `how_many` objects of `slab`; nobody else has them.
///   After   false if this processor does not hand out from `slab`. Else the chain stands before
///           what was on its freelist, by one compare-and-exchange with a new tid, and is counted
///           (FreeFastpath, `how_many`).
///   Use     as take_fast(), and set_next_free(), arch::this_cpu_add().
///   Check   `make grade LAB=slab T=fast`
///   Think   between the look at cpu.slab and the exchange the slab may have been left. How is that
///           noticed?
[[gnu::always_inline]] inline bool put_fast(KmemCache& cache, Page& slab, void* head, void* tail,
                                            u32 how_many) {
#ifdef SOLVED_SLAB
    for (;;) {
        KmemCacheCpu& cpu = *cache.cpu_slab.load(std::memory_order_relaxed);
        const u64 tid = arch::this_cpu_read(cpu.tid);
        if (arch::this_cpu_read(cpu.slab) != &slab) [[unlikely]] {
            return false;
        }
        const u64 freelist = arch::this_cpu_read(cpu.freelist);
        set_next_free(cache, reinterpret_cast<u64>(tail), freelist);
        if (arch::this_cpu_cmpxchg_double(cpu.freelist, {freelist, tid},
                                          {reinterpret_cast<u64>(head), tid + kTidStep}))
            [[likely]] {
            arch::this_cpu_add(cpu.stat[static_cast<u8>(SlabStat::FreeFastpath)], how_many);
            return true;
        }
        count(cpu, SlabStat::CmpxchgDoubleCpuFail);
    }
#else
    lab_todo("slab", "put_fast");
#endif
}

void trace_name(char (&to)[24], const char* name) { copy_string(to, {name, strlen(name)}); }

/// What is not done for each object: clearing it, recording it.
[[gnu::noinline]] void* finish_alloc(const KmemCache& cache, void* object, Gfp gfp) {
    if (has(gfp, Gfp::Zero)) memset(object, 0, cache.object_size);
    if (!trace::is_enabled<KmemCacheAlloc>()) return object;
    KmemCacheAlloc record{.name = {},
                          .ptr = reinterpret_cast<u64>(object),
                          .bytes_req = cache.object_size,
                          .bytes_alloc = cache.size,
                          .gfp_flags = static_cast<u32>(gfp)};
    trace_name(record.name, cache.name());
    trace::point(record);
    return object;
}

[[gnu::noinline]] void* kmem_cache_alloc_slow(KmemCache& cache, Gfp gfp) {
    void* const object = alloc_slow(cache, gfp);
    if (object != nullptr) kasan_alloc_object(cache, object, cache.object_size);
    return object != nullptr ? finish_alloc(cache, object, gfp) : nullptr;
}

[[gnu::noinline]] void kmem_cache_free_slow(KmemCache& cache, Page& slab, void* object) {
    KmemCache& root = *cache.root;
    if (slab.slab_cache != &root || !slab.has(kPageSlab)) {
        return report_wrong_cache(cache, slab, object);
    }
    free_slow(root, slab, object, object, 1);
}

[[gnu::noinline]] void kmem_cache_free_traced(KmemCache& cache, Page& slab, void* object) {
    KmemCacheFree record{.name = {}, .ptr = reinterpret_cast<u64>(object)};
    trace_name(record.name, cache.name());
    trace::point(record);
    if (!put_fast(cache, slab, object, object, 1)) kmem_cache_free_slow(cache, slab, object);
}

}  // namespace

bool put_chain_fast(KmemCache& cache, Page& slab, void* head, void* tail, u32 how_many) {
    return put_fast(cache, slab, head, tail, how_many);
}

/// Objects are in the direct map, never in the kernel image, so one subtraction leads to the frame.
Page& slab_of(const void* object) {
    const u64 at = reinterpret_cast<u64>(object) - arch::kDirectMap.raw();
    return compound_head(page_of(::pfn_of(PhysAddr(at))));
}

// All other work is left to tail calls, so that nothing is saved on the stack for its sake.

void* kmem_cache_alloc(KmemCache& cache, Gfp gfp) {
    if (should_fail_slab(cache.object_size, gfp)) return nullptr;
    void* const object = take_fast(cache);
    if (object == nullptr) [[unlikely]] {
        return kmem_cache_alloc_slow(cache, gfp);
    }
    kasan_alloc_object(cache, object, cache.object_size);
    if (has(gfp, Gfp::Zero) || trace::is_enabled<KmemCacheAlloc>()) [[unlikely]] {
        return finish_alloc(cache, object, gfp);
    }
    return object;
}

void kmem_cache_free(KmemCache& cache, void* object) {
    if (kasan_free_object(cache, object)) return;
    kmem_cache_free_now(cache, object);
}

void kmem_cache_free_now(KmemCache& cache, void* object) {
    Page& slab = slab_of(object);
    if (trace::is_enabled<KmemCacheFree>()) [[unlikely]] {
        return kmem_cache_free_traced(cache, slab, object);
    }
    if (!put_fast(cache, slab, object, object, 1)) [[unlikely]] {
        return kmem_cache_free_slow(cache, slab, object);
    }
}

}  // namespace mm
