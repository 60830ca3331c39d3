/// PerCpuPages: single free pages of one zone that only one processor takes and gives, so that the
/// common case needs no lock. One list for each migrate type. Linux' struct per_cpu_pages.
///
/// Discipline: a processor touches its own lists, with interrupts off. Others ask it to drain them
/// (drain_all_pages()). What waits here is not counted in Zone::free_pages.
#pragma once

#include "lib/list.h"
#include "mm/page_alloc/zone.h"

namespace mm {

struct alignas(64) PerCpuPages {
    List<Page, &Page::link> lists[kPcpTypes + 1];  // the last is always empty
    u32 count = 0;                                 // on all lists
    u16 batch = 1;                                 // moved from and to the zone at a time
    u16 high = 0;                                  // above this, a batch goes back

    // Where this processor's pages came from; Linux' numa_stat.
    u64 fast = 0;         // taken from these lists by alloc_page(), here as the first choice
    u64 hits = 0;         // taken here in another way, which was the first choice
    u64 misses = 0;       // taken here, since there was none where it was wanted
    u64 foreign = 0;      // the opposite: wanted here, taken elsewhere
    u64 others = 0;       // taken here by a processor of another node
    u64 interleaved = 0;  // taken here as a policy wanted that interleaves

    /// Fills the list of `type` from the zone with about a batch.
    void refill(Zone& zone, MigrateType type) REQUIRES(zone.lock);

    /// Gives pages back until `keep` are left: first those that have waited longest, of all types
    /// in turn.
    void drain(Zone& zone, u32 keep) REQUIRES(zone.lock);

private:
    void add(Page& page, MigrateType type);
};

/// The sums over all processors of where pages came from.
struct NumaCounts {
    u64 hit = 0, miss = 0, foreign = 0, interleave = 0, local = 0, other = 0;

    void add(const Zone& zone);
};
NumaCounts numa_counts();  // of all zones

/// How many pages alloc_page() took from these lists, of zones of that kind: they are not counted
/// in VmItem::AllocDma and the two behind it.
u64 fast_allocations(unsigned zone_index);

/// Sizes for a zone of `managed` frames on a machine with `cpus` processors: a batch of a
/// five-hundredth of the zone, at most 32 pages; and all the lists together at most an eighth.
void size_pageset(PerCpuPages& pcp, u64 managed, unsigned cpus);

}  // namespace mm
