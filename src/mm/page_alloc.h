/// The page allocator: blocks of 2^order page frames, by the buddy system, per zone, with a small
/// list of single pages per processor in front. Linux: mm/page_alloc.c.
#pragma once

#include "lib/result.h"
#include "mm/page.h"

namespace mm {

inline constexpr unsigned kMaxOrder = 10;  // the largest block: 4 MiB

/// How an allocation may behave. Combine with |.
enum class Gfp : u32 {
    Kernel = 0,       // may sleep and reclaim
    Atomic = 1 << 0,  // may not sleep; may use the reserves
    Zero = 1 << 1,    // the pages are cleared
    Dma = 1 << 2,     // below 16 MiB
    Dma32 = 1 << 3,   // below 4 GiB
    NoWarn = 1 << 4,  // failure is expected and not logged
    User = 1 << 5,    // for a process: leaves the reserves alone
};
constexpr Gfp operator|(Gfp a, Gfp b) {
    return static_cast<Gfp>(static_cast<u32>(a) | static_cast<u32>(b));
}
constexpr bool has(Gfp set, Gfp flag) { return static_cast<u32>(set) & static_cast<u32>(flag); }

/// A block of 2^order frames; its first Page has ref_count 1. With order > 0 the frames are *not*
/// a compound page: each caller knows its order. ENOMEM.
Result<Page*> alloc_pages(Gfp gfp, unsigned order);
inline Result<Page*> alloc_page(Gfp gfp) { return alloc_pages(gfp, 0); }

/// Gives a block back; `order` as it was allocated. The reference count must be 1 or 0.
void free_pages(Page& page, unsigned order);

/// Counts users of a single page; the last put frees it.
inline void get_page(Page& page) { page.ref_count.fetch_add(1, std::memory_order_relaxed); }
void put_page(Page& page);

/// Frames the allocator manages and frames that are free now, in all zones.
u64 total_pages();
u64 free_page_count();

/// Runs when memory is short; frees what it can and returns the number of pages. Registered by
/// vm/ (page cache) and fs/ (dentries, inodes).
struct Shrinker {
    const char* name;
    u64 (*shrink)(u64 wanted);
    Shrinker* next = nullptr;
};
void register_shrinker(Shrinker& shrinker);

}  // namespace mm
