/// How the page allocator asks for memory when there is little left.
///
/// The reclaim of pages needs what mm/ may not know: address spaces, files, tasks. So it registers
/// here (vm/reclaim/); until then, and for caches of objects, there are the shrinkers.
///
/// When which is called, by the watermarks of the zones (zone.h):
///     below low   wake_kswapd(), which reclaims in the background until all zones are above high
///     below min   try_to_free_pages(), by the allocating task itself, if it may sleep
///     in vain     out_of_memory(), which may kill somebody
#pragma once

#include "mm/gfp.h"

namespace mm {

struct Node;
struct Page;

struct ReclaimHooks {
    /// Any context, also with interrupts off and spin locks held; does not wait.
    void (*wake_kswapd)(Node& node, unsigned order);

    /// Frees pages of `nodes` (a bit each) so that a block of `order` might be had; returns how
    /// many. May sleep, but never waits for a sleeping lock that an allocating caller may hold: it
    /// only tries those.
    u64 (*try_to_free_pages)(Gfp gfp, unsigned order, u64 nodes);

    /// True: somebody was killed or is dying, try again. False: there is nobody to kill. `bound`:
    /// only the running task's own policy keeps it from memory that there is.
    bool (*out_of_memory)(Gfp gfp, unsigned order, bool bound);

    /// Whether the current task reclaims (kswapd, or within try_to_free_pages) or is being killed:
    /// then it may use the reserves, and must not reclaim again. May be null.
    bool (*may_use_reserves)() = nullptr;
};

/// From now on these are called. Once, at boot; the object stays.
void register_reclaim(const ReclaimHooks& hooks);

/// The lists of pages by age are vm/lru.h's. A page with kPageLru or kPageLruPending whose last
/// reference is gone leaves them: false, and the page is freed there, a little later. Any context.
bool leave_lru(Page& page);
/// How many pages have died in that way and are not freed yet.
u64 dead_lru_pages();

/// Runs when memory is short; frees what it can and returns the number of pages. Registered by
/// vm/ (page cache) and fs/ (dentries, inodes).
struct Shrinker {
    const char* name;
    u64 (*shrink)(u64 wanted);
    Shrinker* next = nullptr;
};
void register_shrinker(Shrinker& shrinker);

/// Calls each shrinker once; returns the sum. May sleep. For reclaim, after its own work.
u64 shrink_all(u64 wanted);

}  // namespace mm
