/// The page allocator: blocks of 2^order page frames, by the buddy system, per zone, with a small
/// list of single pages per processor in front. Linux: mm/page_alloc.c.
#pragma once

#include "lib/result.h"
#include "mm/gfp.h"
#include "mm/page.h"
#include "mm/reclaim.h"

namespace mm {

inline constexpr unsigned kMaxOrder = 10;  // the largest block: 4 MiB

/// A block of 2^order frames, aligned to its size; its first Page has ref_count 1. With Gfp::Comp
/// it is a compound page, which put_page() frees as a whole. Without, the caller remembers the
/// order, and only free_pages() frees it. ENOMEM.
///
/// Sleeps only if `gfp` has DirectReclaim (Gfp::Kernel and others) and the caller may.
Result<Page*> alloc_pages(Gfp gfp, unsigned order);
Result<Page*> alloc_page(Gfp gfp);

/// The same from a given node, if it has some left (only from it with Gfp::ThisNode). EINVAL: there
/// is no such node.
Result<Page*> alloc_pages_node(unsigned node, Gfp gfp, unsigned order);

/// Gives a block back whose only user the caller is; `order` as it was allocated. Any context.
void free_pages(Page& page, unsigned order);

/// Makes 2^order single pages, each with one reference, of a block that is not compound.
void split_page(Page& page, unsigned order);

/// Counts users of a page, which for a part of a compound page is the head; the last put frees
/// it.
inline void get_page(Page& page) {
    compound_head(page).ref_count.fetch_add(1, std::memory_order_relaxed);
}
void put_page(Page& page);

/// Reports a page whose state is impossible; the caller leaves it alone. How many there were.
void bad_page(const Page& page, const char* why);
u64 bad_page_count();

/// Frames the allocator manages and frames that are free now, in all zones.
u64 total_pages();

/// /proc/sys/vm/min_free_kbytes: what only reclaim and those who are dying may use. EINVAL: more
/// than half of all memory.
extern constinit std::atomic<u32> min_free_kbytes;
Result<void> set_min_free_kbytes(u64 kbytes);
u64 free_page_count();

}  // namespace mm
