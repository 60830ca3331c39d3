/// Trace points of memory management; Linux' kmem events.
#pragma once

#include "core/trace/trace.h"

namespace mm {

struct MmPageAlloc {
    static constexpr const char* kSystem = "kmem";
    static constexpr const char* kName = "mm_page_alloc";
    static const trace::Field kFields[3];
    static trace::Event event;
    u64 pfn;
    u32 order;
    u32 gfp_flags;
};

struct MmPageFree {
    static constexpr const char* kSystem = "kmem";
    static constexpr const char* kName = "mm_page_free";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 pfn;
    u32 order;
};

struct KmemCacheAlloc {
    static constexpr const char* kSystem = "kmem";
    static constexpr const char* kName = "kmem_cache_alloc";
    static const trace::Field kFields[5];
    static trace::Event event;
    char name[24];
    u64 ptr;
    u32 bytes_req;
    u32 bytes_alloc;
    u32 gfp_flags;
};

struct KmemCacheFree {
    static constexpr const char* kSystem = "kmem";
    static constexpr const char* kName = "kmem_cache_free";
    static const trace::Field kFields[2];
    static trace::Event event;
    char name[24];
    u64 ptr;
};

}  // namespace mm
