// See merge.h.

#include "mm/slab/merge.h"

#include "mm/slab/internal.h"

namespace mm {

constinit bool slab_merging = true;

namespace {

/// What happens to objects differs, so each cache needs slabs of its own.
constexpr SlabFlags kNeverMerged = kDebugFlags | SlabFlags::TypesafeByRcu | SlabFlags::NoMerge;
/// Both have it or neither: what is done with whole slabs differs.
constexpr SlabFlags kSameOnly =
    SlabFlags::ReclaimAccount | SlabFlags::Hardened | SlabFlags::Shuffled;

bool is_mergeable(const KmemCache& cache) {
    return !has(cache.flags, kNeverMerged) && cache.ctor == nullptr;
}

}  // namespace

KmemCache* find_mergeable(KmemCache* caches, const KmemCache& wanted, const SlabLayout& layout) {
    if (!slab_merging || !is_mergeable(wanted)) return nullptr;
    for (KmemCache* cache = caches; cache != nullptr; cache = cache->next) {
        if (cache->root != cache || cache->is_dead || !is_mergeable(*cache)) continue;
        if ((cache->flags & kSameOnly) != (wanted.flags & kSameOnly)) continue;
        if (cache->size % layout.align != 0) continue;
        if (cache->size < layout.size || cache->size - layout.size >= sizeof(void*)) continue;
        return cache;
    }
    return nullptr;
}

}  // namespace mm
