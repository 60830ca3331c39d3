/// The inline parts of mm/slab.h that need to know the per-CPU part of a cache. Include that one.
#pragma once

#include "mm/slab.h"
#include "mm/slab/cpu_slab.h"

namespace mm {

constexpr KmemCache::KmemCache(const char* cache_name, usize size, usize alignment,
                               SlabFlags wanted, Ctor constructor)
    : cpu_slab(&kmem_cache_cpus[0]),
      root(this),
      object_size(u32(size)),
      flags(wanted),
      align(u32(alignment)),
      ctor(constructor),
      name_(cache_name) {}

inline Result<void*> KmemCache::alloc(Gfp gfp) {
    void* const object = kmem_cache_alloc(*this, gfp);
    if (object == nullptr) return ENOMEM;
    return object;
}
inline void KmemCache::free(void* object) { kmem_cache_free(*this, object); }

}  // namespace mm
