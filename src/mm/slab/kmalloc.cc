// LAB FILE (05-slab): kmalloc(): a cache for each size class; what is larger comes from the page
// allocator.

#include <bit>

#include "lib/lab.h"
#include "lib/string.h"
#include "mm/kasan.h"
#include "mm/slab/fast_path.h"
#include "mm/vmalloc.h"

namespace mm {

namespace {

constexpr SlabFlags kFlags = SlabFlags::NoMerge;  // others may come and go, these stay apart

[[maybe_unused]] constinit KmemCache kmalloc_caches[] = {
    {"kmalloc-8", 8, 8, kFlags},        {"kmalloc-16", 16, 16, kFlags},
    {"kmalloc-32", 32, 32, kFlags},     {"kmalloc-64", 64, 64, kFlags},
    {"kmalloc-96", 96, 32, kFlags},     {"kmalloc-128", 128, 128, kFlags},
    {"kmalloc-192", 192, 64, kFlags},   {"kmalloc-256", 256, 256, kFlags},
    {"kmalloc-512", 512, 512, kFlags},  {"kmalloc-1k", 1024, 1024, kFlags},
    {"kmalloc-2k", 2048, 2048, kFlags}, {"kmalloc-4k", 4096, 4096, kFlags},
    {"kmalloc-8k", 8192, 4096, kFlags},
};
constexpr usize kLargestClass = 8192;

/// The class of `bytes` by eighths: sizes up to 192, in steps of 8.
constexpr u8 kSmallClass[] = {0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4,
                              5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6};

/// LAB slab, task 6 "kmalloc" (handouts/05-slab.md). Write the body.
///   Before  bytes <= kLargestClass; 0 is allowed.
///   After   the cache with the smallest objects that have room for so many bytes.
///   Use     kmalloc_caches, kSmallClass, std::bit_width().
///   Check   `make grade LAB=slab T=kmalloc`
///   Think   a loop over thirteen caches is right, too. How often is it called?
KmemCache& cache_for(usize bytes) {
#ifdef SOLVED_SLAB
    if (bytes <= 192) return kmalloc_caches[kSmallClass[bytes == 0 ? 0 : (bytes - 1) / 8]];
    return kmalloc_caches[unsigned(std::bit_width(bytes - 1)) - 1];  // 256 is class 7
#else
    lab_todo("slab", "cache_for");
#endif
}
static_assert(std::bit_width(256u - 1) - 1 == 7 && std::bit_width(8192u - 1) - 1 == 12);

/// LAB slab, task 6 "kmalloc" (handouts/05-slab.md). Write the body.
///   Before  bytes > kLargestClass.
///   After   the smallest compound page that has room for them, its address; kasan_alloc_large()
///           knows of it. ENOMEM: there is none, or it would be larger than kMaxOrder.
///   Use     alloc_pages() with Gfp::Comp, TRY(), bytes_of().
///   Check   `make grade LAB=slab T=kmalloc`
Result<void*> alloc_large(usize bytes, Gfp gfp) {
#ifdef SOLVED_SLAB
    unsigned order = 0;
    while ((kPageSize << order) < bytes) {
        if (++order > kMaxOrder) return ENOMEM;
    }
    Page& page = *TRY(alloc_pages(gfp | Gfp::Comp, order));
    kasan_alloc_large(bytes_of(page), bytes, kPageSize << order);
    return static_cast<void*>(bytes_of(page));
#else
    lab_todo("slab", "alloc_large");
#endif
}

[[maybe_unused]] void free_large(Page& page, const void* memory) {
    ASSERT(page.has(kPageHead) && bytes_of(page) == memory);
    free_pages(page, compound_order(page));
}

}  // namespace

Result<void*> kmalloc(usize bytes, Gfp gfp) {
    if (bytes > kLargestClass) return alloc_large(bytes, gfp);
    KmemCache& cache = cache_for(bytes);
    void* const memory = kmem_cache_alloc(cache, gfp);
    if (memory == nullptr) return ENOMEM;
    kasan_alloc_object(cache, memory, bytes);
    return memory;
}

/// LAB slab, task 6 "kmalloc" (handouts/05-slab.md). Write the body.
///   Before  null, or what kmalloc() has returned.
///   After   it is free. Null: nothing happens.
///   Use     slab_of(), kPageSlab, kmem_cache_free(), free_large().
///   Check   `make grade LAB=slab T=kmalloc`
///   Think   how many bytes are freed? Who says so?
void kfree(void* memory) {
#ifdef SOLVED_SLAB
    if (memory == nullptr) return;
    Page& page = slab_of(memory);
    if (page.has(kPageSlab)) return kmem_cache_free(*page.slab_cache, memory);
    free_large(page, memory);
#else
    lab_todo("slab", "kfree");
#endif
}

usize ksize(const void* memory) {
    if (memory == nullptr) return 0;
    const Page& page = slab_of(memory);
    return page.has(kPageSlab) ? page.slab_cache->object_size : kPageSize << page.order;
}

/// LAB slab, task 6 "kmalloc" (handouts/05-slab.md). Write the body.
///   Before  as kfree().
///   After   0 bytes: freed, and null. If it has room already: itself. Else a larger place with the
///           same bytes in front, and the old one is free. ENOMEM: the old one is as it was.
///           kasan_unpoison() was told that all its room is in use.
///   Use     ksize(), kmalloc(), memcpy(), TRY().
///   Check   `make grade LAB=slab T=kmalloc`
Result<void*> krealloc(void* memory, usize bytes, Gfp gfp) {
#ifdef SOLVED_SLAB
    if (bytes == 0) {
        kfree(memory);
        return nullptr;
    }
    const usize room = ksize(memory);
    kasan_unpoison(memory, room);  // the caller may use all of it from now on
    if (bytes <= room) return memory;
    void* const larger = TRY(kmalloc(bytes, gfp));
    memcpy(larger, memory, room);
    kfree(memory);
    return larger;
#else
    lab_todo("slab", "krealloc");
#endif
}

Result<void*> kvmalloc(usize bytes, Gfp gfp) {
    if (bytes <= kLargestClass) return kmalloc(bytes, gfp);
    Result<void*> memory = kmalloc(bytes, gfp | Gfp::NoWarn);
    if (memory.ok()) return memory.take();
    return vmalloc(bytes);  // zeroed in any case
}

void kvfree(void* memory) {
    if (is_vmalloc_address(memory)) return vfree(memory);
    kfree(memory);
}

}  // namespace mm
