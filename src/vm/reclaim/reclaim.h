/// Reclaim: taking pages away from those who have not used them for long. Linux: mm/vmscan.c.
///
/// Two come here: kswapd, a thread for each node, which is woken when a zone falls below its low
/// watermark and works until all are above the high one; and an allocating task that finds less
/// than the minimum (direct reclaim). Both take pages from the tails of the node's lists (lru.h)
/// and ask the shrinkers of dentries, inodes and slabs; each round looks at a larger part, until
/// enough is free. How hard anonymous memory is pressed compared to files: swappiness.
///
/// Rules: 1. it waits for no sleeping lock: whoever allocates may hold it. 2. It does not recurse:
/// who reclaims has kMemAlloc, and allocates from the reserves. 3. It does not run in atomic
/// context.
#pragma once

#include <atomic>

#include "mm/gfp.h"
#include "vm/lru.h"
#include "vm/mm_struct.h"

namespace vm {

struct ScanControl {
    mm::Gfp gfp;
    u64 wanted;         // pages
    unsigned priority;  // a list of n pages is scanned for n >> priority
    bool is_kswapd;
    bool may_swap;  // also if no slot is free: what is in the swap cache can go
    u64 scanned = 0, reclaimed = 0;
};
inline constexpr unsigned kDefPriority = 12;
inline constexpr u64 kSwapClusterMax = 32;  // pages that are isolated at once

/// One pass over the lists of a node.
void shrink_node(mm::Node& node, ScanControl& control);

/// Tries to free the isolated pages of `pages`; puts back what it cannot have. Returns how many
/// were freed; `active`: how many were used after all. vm/reclaim/shrink_pages.cc.
u64 shrink_page_list(PageQueue& pages, ScanControl& control, u64& active);

/// Takes away what [start, end), which lies in one area, has in memory and shares with nobody;
/// mmap_lock is held. Returns how many pages. pageout.cc.
u64 reclaim_range(MmStruct& mm, VirtAddr start, VirtAddr end);

/// The same range is the first that reclaim will look at. pageout.cc.
void deactivate_range(MmStruct& mm, VirtAddr start, VirtAddr end);

/// kswapd.cc; wake_kswapd() is a hook of the page allocator.
void wake_kswapd(mm::Node& node, unsigned order);
void kswapd_may_try_again();

/// Registers the hooks of the page allocator. Boot.
void init_reclaim();
/// Starts kswapd. Boot, when threads can be made. ENOMEM, EAGAIN.
Result<void> start_kswapd();

/// /proc/sys/vm/swappiness: 0 … 200, 100: swapping costs as much as reading a file.
extern constinit std::atomic<u32> swappiness;

/// When even reclaim finds nothing; set by process/oom. Null: nobody is ever killed.
extern constinit std::atomic<bool (*)(mm::Gfp gfp, unsigned order, bool bound)> oom_handler;

}  // namespace vm
