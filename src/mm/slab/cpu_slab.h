/// KmemCacheCpu: what one processor keeps of one cache. Linux' struct kmem_cache_cpu.
///
/// All of them stand in one per-CPU array; a cache has one place in it. `freelist` and `tid` change
/// together, in one instruction (arch::this_cpu_cmpxchg_double). `tid` is new after each operation
/// and different on each processor, so whoever read both and then compares them successfully knows:
/// it is still on that processor, and nothing has happened there in between.
///
/// Interrupts are off for every other change, and each takes a new tid as well.
#pragma once

#include "core/percpu/percpu.h"
#include "mm/page.h"

namespace mm {

/// What happened how often; the files of /sys/kernel/slab/<cache>/ have these names.
enum class SlabStat : u8 {
    AllocFastpath,
    AllocSlowpath,
    FreeFastpath,
    FreeSlowpath,
    FreeFrozen,
    FreeAddPartial,
    FreeRemovePartial,
    AllocFromPartial,
    AllocSlab,
    AllocRefill,
    FreeSlab,
    CpuslabFlush,
    DeactivateFull,
    DeactivateEmpty,
    DeactivateToHead,
    DeactivateToTail,
    DeactivateRemoteFrees,
    DeactivateBypass,
    OrderFallback,
    CmpxchgDoubleCpuFail,
    CmpxchgDoubleFail,
    CpuPartialAlloc,
    CpuPartialFree,
    CpuPartialNode,
    CpuPartialDrain,
};
inline constexpr usize kSlabStats = 25;

struct alignas(16) KmemCacheCpu {
    u64 freelist = 0;         // objects of `slab` that only this processor hands out
    u64 tid = 0;              // transaction id
    Page* slab = nullptr;     // frozen: nobody else takes from it
    Page* partial = nullptr;  // more frozen slabs, each with free objects; by slab_next
    u32 partial_slabs = 0;
    u32 stat[kSlabStats] = {};  // modulo 2^32
};

inline constexpr usize kMaxCaches = 224;
/// Each cache's place; number 0 is never filled: that of caches that are not laid out yet.
extern KmemCacheCpu kmem_cache_cpus[kMaxCaches];  // per-CPU

/// Each step of a tid keeps the processor's number in the lowest bits.
inline constexpr u64 kTidStep = kMaxCpus;

}  // namespace mm
