/// Zone: the frames of one address range, and its buddy system. Linux' struct zone.
///
/// Free memory is kept in blocks of 2^order frames, aligned to their size. Two neighbours of one
/// order that together form an aligned block of the next are buddies; when both are free they are
/// merged, so free memory is always in blocks as large as possible.
///
/// Invariants (guarded by `lock`): 1. a free block's first Page has kPageBuddy and its order, and
/// is on free_area[order]. 2. No two buddies are free. 3. free_pages counts the frames on the
/// free areas.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "mm/page.h"
#include "mm/page_alloc.h"

namespace mm {

struct FreeArea {
    List<Page, &Page::link> blocks;
    u64 count = 0;
};

struct Zone {
    constexpr Zone(const char* zone_name, Pfn zone_start, Pfn zone_end)
        : name(zone_name), start(zone_start), end(zone_end) {}

    const char* const name;
    const Pfn start, end;   // [start, end), holes included
    u64 managed = 0;        // frames ever given to the allocator
    u64 watermark_min = 0;  // below this, only Gfp::Atomic may allocate

    SpinLock lock{"zone", LockRank::Zone};
    FreeArea free_area[kMaxOrder + 1] GUARDED_BY(lock);
    u64 free_pages GUARDED_BY(lock) = 0;

    /// Takes a block out, splitting a larger one if need be; null if there is none.
    Page* take(unsigned order) REQUIRES(lock);

    /// Gives back the block of 2^order frames that starts at `first`, merging it with its buddies.
    void free_one_page(Pfn first, unsigned order) REQUIRES(lock);

private:
    void put_block(Pfn first, unsigned order) REQUIRES(lock);
    void remove_block(Page& page, unsigned order) REQUIRES(lock);
    bool is_free_block(Pfn first, unsigned order) const REQUIRES(lock);
};

/// DMA, DMA32, NORMAL: from the lowest to the highest.
inline constexpr unsigned kZones = 3;
extern constinit Zone zones[kZones];
unsigned zone_index_of(Pfn pfn);

/// Makes the per-processor lists of single pages usable. Boot; page_alloc.cc.
void init_per_cpu_pages();

}  // namespace mm
