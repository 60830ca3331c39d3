/// What the allocators tell KASAN. In builds without it all this is nothing at all.
///
/// The rule: whoever hands memory out says so last, whoever takes it back says so first.
#pragma once

#include "lib/kasan.h"
#include "lib/result.h"
#include "lib/strong.h"
#include "mm/page_alloc.h"

namespace mm {

struct KmemCache;

// mm/kasan/ defines these.
namespace kasan_hooks {
void alloc_pages(Page& page, unsigned order);
void free_pages(Page& page, unsigned order);
void poison_large(const void* memory, usize bytes, usize room);
u32 slot_bytes();
void new_slab(Page& slab, unsigned order);
void alloc_object(KmemCache& cache, void* object, usize bytes);
bool free_object(KmemCache& cache, void* object, u64 caller);
Result<void> map_area(VirtAddr start, VirtAddr end);
void unpoison(const void* at, usize bytes);
void unmap_area(VirtAddr start, VirtAddr end);
void drop_quarantine();
u64 waiting_objects(const KmemCache& cache);
void start();
}  // namespace kasan_hooks

// clang-format off
#define KASAN_HOOK(call) do { if constexpr (kKasan) kasan_hooks::call; } while (0)
// clang-format on

/// 2^order pages have been taken out of the allocator; or are about to go back.
[[gnu::always_inline]] inline void kasan_alloc_pages([[maybe_unused]] Page& page,
                                                     [[maybe_unused]] unsigned order) {
    KASAN_HOOK(alloc_pages(page, order));
}
[[gnu::always_inline]] inline void kasan_free_pages([[maybe_unused]] Page& page,
                                                    [[maybe_unused]] unsigned order) {
    KASAN_HOOK(free_pages(page, order));
}
/// Of `room` bytes of whole pages only the first `bytes` were asked for.
[[gnu::always_inline]] inline void kasan_alloc_large([[maybe_unused]] const void* memory,
                                                     [[maybe_unused]] usize bytes,
                                                     [[maybe_unused]] usize room) {
    KASAN_HOOK(poison_large(memory, bytes, room));
}

/// Bytes at the end of each slot for what KASAN knows of the object.
[[gnu::always_inline]] inline u32 kasan_slot_bytes() {
    if constexpr (kKasan) return kasan_hooks::slot_bytes();
    return 0;
}
/// The pages of a fresh slab: nothing in it may be accessed yet.
[[gnu::always_inline]] inline void kasan_new_slab([[maybe_unused]] Page& slab,
                                                  [[maybe_unused]] unsigned order) {
    KASAN_HOOK(new_slab(slab, order));
}
/// The first `bytes` of the object are handed out.
[[gnu::always_inline]] inline void kasan_alloc_object([[maybe_unused]] KmemCache& cache,
                                                      [[maybe_unused]] void* object,
                                                      [[maybe_unused]] usize bytes) {
    KASAN_HOOK(alloc_object(cache, object, bytes));
}
/// An object is given back. True: KASAN keeps it for a while, and will free it later, so that who
/// still uses it is noticed; or it is no object at all.
[[gnu::always_inline]] inline bool kasan_free_object([[maybe_unused]] KmemCache& cache,
                                                     [[maybe_unused]] void* object) {
    if constexpr (kKasan) {
        const u64 caller = reinterpret_cast<u64>(__builtin_return_address(0));
        return kasan_hooks::free_object(cache, object, caller);
    }
    return false;
}

/// Addresses of the vmalloc region are given out: they get a shadow, and may not be accessed yet.
/// ENOMEM.
[[gnu::always_inline]] inline Result<void> kasan_map_area([[maybe_unused]] VirtAddr start,
                                                          [[maybe_unused]] VirtAddr end) {
    if constexpr (kKasan) return kasan_hooks::map_area(start, end);
    return {};
}
/// What may be accessed now: of an area, or of a stack that has had another user.
[[gnu::always_inline]] inline void kasan_unpoison([[maybe_unused]] const void* at,
                                                  [[maybe_unused]] usize bytes) {
    KASAN_HOOK(unpoison(at, bytes));
}
[[gnu::always_inline]] inline void kasan_unmap_area([[maybe_unused]] VirtAddr start,
                                                    [[maybe_unused]] VirtAddr end) {
    KASAN_HOOK(unmap_area(start, end));
}

/// How many objects of a cache have been freed, and are kept for a while.
inline u64 kasan_waiting_objects([[maybe_unused]] const KmemCache& cache) {
    if constexpr (kKasan) return kasan_hooks::waiting_objects(cache);
    return 0;
}
/// Frees now what is kept for a while.
inline void kasan_drop_quarantine() { KASAN_HOOK(drop_quarantine()); }

/// The allocators work: from here on mistakes are reported.
inline void kasan_start() { KASAN_HOOK(start()); }

}  // namespace mm
