/// What the parts of the slab allocator know of each other.
///
/// A slab is a block of pages cut into slots of one size. At any time it is in one of these places:
///   a processor's `slab`       frozen; its objects are on the processor's freelist, and what other
///                              processors give back is on the slab's own
///   a processor's `partial`    frozen; free objects on its own freelist
///   a node's partial list      some free objects
///   on no list                 full; the first object that comes back brings it to the processor
///                              that freed it
/// `slab_freelist` and `slab_counters` of its Page change together, by cmpxchg_double(), without a
/// lock. Who makes a slab that is not frozen join or leave a list holds the node's list_lock.
/// A frozen slab is taken from by its owner only; giving back to it needs no lock at all.
#pragma once

#include <bit>

#include "lib/string.h"
#include "mm/slab.h"

namespace mm {

/// Page::slab_counters.
struct SlabCounters {
    u16 inuse = 0;  // objects that are not on the slab's freelist
    u16 objects = 0;
    u16 frozen = 0;
    u16 unused = 0;
};

/// Both words of a slab as they were at one moment.
struct SlabState {
    u64 freelist;
    SlabCounters counters;

    arch::WordPair words() const { return {freelist, std::bit_cast<u64>(counters)}; }
};

/// Not at one moment: a cmpxchg that expects it must tell.
inline SlabState read_state(Page& slab) {
    const u64 freelist = std::atomic_ref(slab.slab_freelist).load(std::memory_order_acquire);
    const u64 counters = std::atomic_ref(slab.slab_counters).load(std::memory_order_acquire);
    return {freelist, std::bit_cast<SlabCounters>(counters)};
}
inline void set_state(Page& slab, SlabState state) {
    slab.slab_freelist = state.freelist;
    slab.slab_counters = state.words().second;
}

/// Counts; only the sum over the processors means something.
inline void count(KmemCacheCpu& slot, SlabStat what) {
    arch::this_cpu_inc(slot.stat[static_cast<u8>(what)]);
}
inline void count(KmemCache& cache, SlabStat what) {
    count(*cache.cpu_slab.load(std::memory_order_relaxed), what);
}

/// Replaces the state if it is `old`; counts when it was not.
inline bool change_state(KmemCache& cache, Page& slab, const SlabState& old,
                         const SlabState& next) {
    if (arch::cmpxchg_double(slab.slab_freelist, old.words(), next.words())) [[likely]] {
        return true;
    }
    count(cache, SlabStat::CmpxchgDoubleFail);
    arch::cpu_relax();
    return false;
}

constexpr SlabFlags kDebugFlags =
    SlabFlags::ConsistencyChecks | SlabFlags::RedZone | SlabFlags::Poison | SlabFlags::StoreUser;
inline bool is_debugged(const KmemCache& cache) { return has(cache.flags, kDebugFlags); }

inline KmemCacheNode& node_of(KmemCache& cache, const Page&) { return cache.node[0]; }

/// The address of the first slot, and the object in slot `index`.
inline std::byte* object_at(const KmemCache& cache, const Page& slab, u32 index) {
    return bytes_of(slab) + u64{index} * cache.size + cache.red_left_pad;
}
inline SlabCounters counters_of(const Page& slab) {
    return std::bit_cast<SlabCounters>(slab.slab_counters);
}

// caches.cc
void lay_out(KmemCache& cache);  // the first use

// new_slab.cc
Page* new_slab(KmemCache& cache, Gfp gfp);  // all objects on its freelist, inuse 0, frozen; or null
void discard_slab(KmemCache& cache, Page& slab);  // no object in use, on no list

// slow_path.cc; both any context
void* alloc_slow(KmemCache& cache, Gfp gfp);
void free_slow(KmemCache& cache, Page& slab, void* head, void* tail, u32 how_many);
/// Leaves the slab that `cpu` hands out from. Interrupts are off.
void flush_slab(KmemCache& cache, KmemCacheCpu& cpu);

// partial.cc; interrupts are off
enum class Where : u8 { Head, Tail };
void add_partial(KmemCacheNode& node, Page& slab, Where where) REQUIRES(node.list_lock);
void remove_partial(KmemCacheNode& node, Page& slab) REQUIRES(node.list_lock);
/// A slab of the node's, frozen, and all its free objects as a chain; some more for cpu.partial.
Page* get_partial(KmemCache& cache, KmemCacheCpu& cpu, u64& freelist);
void put_cpu_partial(KmemCache& cache, KmemCacheCpu& cpu, Page& slab);
void unfreeze_partials(KmemCache& cache, KmemCacheCpu& cpu);

// shrink.cc
void flush_all(KmemCache& cache);  // on all processors; interrupts are on

// stats.cc
u64 sum_of(const KmemCache& cache, SlabStat what);

}  // namespace mm
