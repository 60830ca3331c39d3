// kmalloc(): a cache for each size class; what is larger comes from the page allocator.

#include <bit>

#include "lib/string.h"
#include "mm/slab.h"

namespace mm {

namespace {

constinit KmemCache kmalloc_caches[] = {
    {"kmalloc-16", 16, 16},     {"kmalloc-32", 32, 32},     {"kmalloc-64", 64, 64},
    {"kmalloc-96", 96, 32},     {"kmalloc-128", 128, 128},  {"kmalloc-192", 192, 64},
    {"kmalloc-256", 256, 256},  {"kmalloc-512", 512, 512},  {"kmalloc-1k", 1024, 1024},
    {"kmalloc-2k", 2048, 2048}, {"kmalloc-4k", 4096, 4096}, {"kmalloc-8k", 8192, 4096},
};
constexpr usize kLargestClass = 8192;

/// The class of `bytes` by eighths: sizes up to 192, in steps of 16.
constexpr u8 kSmallClass[] = {0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5};

KmemCache& cache_for(usize bytes) {
    if (bytes <= 192) return kmalloc_caches[kSmallClass[bytes == 0 ? 0 : (bytes - 1) / 16]];
    return kmalloc_caches[unsigned(std::bit_width(bytes - 1)) - 2];  // 256 is class 6
}
static_assert(std::bit_width(256u - 1) - 2 == 6 && std::bit_width(8192u - 1) - 2 == 11);

Result<void*> alloc_large(usize bytes, Gfp gfp) {
    unsigned order = 0;
    while ((kPageSize << order) < bytes) {
        if (++order > kMaxOrder) return ENOMEM;
    }
    Page& page = *TRY(alloc_pages(gfp, order));
    page.set(kPageHead);
    return static_cast<void*>(bytes_of(page));
}

}  // namespace

Result<void*> kmalloc(usize bytes, Gfp gfp) {
    if (bytes > kLargestClass) return alloc_large(bytes, gfp);
    void* const memory = TRY(cache_for(bytes).alloc(gfp));
    return memory;
}

void kfree(void* memory) {
    if (memory == nullptr) return;
    Page& page = slab_of(memory);
    if (page.has(kPageSlab)) return page.slab_cache->free(memory);
    ASSERT(page.has(kPageHead) && bytes_of(page) == memory);
    page.clear(kPageHead);
    free_pages(page, page.order);
}

}  // namespace mm
