/// Zone: the frames of one address range of one node, and its buddy system. Linux' struct zone.
///
/// Free memory is kept in blocks of 2^order frames, aligned to their size. Two neighbours of one
/// order that together form an aligned block of the next are buddies; when both are free they are
/// merged, so free memory is always in blocks as large as possible.
///
/// There is one list of free blocks for each order and migrate type (migrate_type.h).
///
/// Invariants (guarded by `lock`): 1. a free block's first Page has kPageBuddy, its order and the
/// migrate type of the list it is on, free_area[order]. 2. No two buddies are free, unless one of
/// them is kept back for urgent allocations. 3. free_pages counts the frames on the free areas,
/// nr_free the blocks of each list.
///
/// Where things are: zone.cc the buddy system; fallback.cc what happens when there is no block of
/// the wanted type; pcp.h single pages of each processor, in front of all this.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "mm/page.h"
#include "mm/page_alloc.h"
#include "mm/page_alloc/migrate_type.h"

namespace mm {

struct Node;
struct PerCpuPages;

struct FreeArea {
    List<Page, &Page::link> free_list[kMigrateTypes];
    u64 nr_free[kMigrateTypes] = {};

    u64 total() const;
    bool is_empty(MigrateType type) const { return nr_free[static_cast<u8>(type)] == 0; }
    Page* first(MigrateType type) const { return free_list[static_cast<u8>(type)].front(); }
};

/// DMA, DMA32, Normal: from the lowest to the highest.
enum ZoneIndex : u8 { kZoneDma, kZoneDma32, kZoneNormal };
inline constexpr unsigned kZones = 3;

/// How many free pages a zone should have. Below Low, kswapd is woken, and goes on until High;
/// below Min nobody allocates but Gfp::High (some of it) and Gfp::MemAlloc (all).
enum Watermark : u8 { kWmarkMin, kWmarkLow, kWmarkHigh };
inline constexpr unsigned kWatermarks = 3;

struct Zone {
    Zone() = default;

    /// A zone of `count` frames from `first_frame`, none of them free. `first_page` is the Page of
    /// the first, the others follow; `blocks` has room for the types of all pageblocks that the
    /// zone touches, and says what they are.
    void init(Pfn first_frame, u64 count, Page* first_page, MigrateType* blocks);

    // --- fixed at boot
    const char* name = "";
    Node* node = nullptr;
    u8 index = 0;     // ZoneIndex
    u8 id = 0;        // what its pages have in Page::zone
    Pfn start;        // the first frame
    u64 spanned = 0;  // frames up to the last, holes and others' memory included
    u64 present = 0;  // frames of RAM

    // --- changed when boot memory comes back
    u64 managed = 0;  // frames ever given to the allocator
    u64 watermark[kWatermarks] = {};
    u64 lowmem_reserve[kZones] = {};  // kept back from allocations that could have zone [i]
    PerCpuPages* pageset = nullptr;   // [processor]

    SpinLock lock{"zone", LockRank::Zone};
    FreeArea free_area[kMaxOrder + 1] GUARDED_BY(lock);
    u64 free_pages GUARDED_BY(lock) = 0;
    u64 nr_reserved_highatomic GUARDED_BY(lock) = 0;  // frames of pageblocks of that type

    Pfn end() const { return start + spanned; }
    bool contains(Pfn pfn) const { return start <= pfn && pfn < end(); }

    // --- the buddy system: zone.cc

    /// Takes a block of exactly this type out, splitting a larger one if need be; null if there is
    /// none.
    Page* rmqueue_smallest(unsigned order, MigrateType type) REQUIRES(lock);

    /// Gives back the block of 2^order frames that starts at `first`, merging it with its buddies.
    void free_one_page(Pfn first, unsigned order) REQUIRES(lock);

    // --- migrate types: fallback.cc

    /// Takes a block out, of this type if there is one, else of the one that does least harm.
    Page* rmqueue(unsigned order, MigrateType type) REQUIRES(lock);

    MigrateType pageblock_type(Pfn pfn) const { return pageblock(pfn); }
    /// The same, in fewer steps, for a Page of the array at kVmemmap.
    MigrateType pageblock_type(const Page& page) const {
        constexpr u64 kBytes = kPageblockPages * sizeof(Page);
        const u64 block = (reinterpret_cast<u64>(&page) - arch::kVmemmap.raw()) / kBytes;
        return *reinterpret_cast<MigrateType*>(pageblocks_ + block);
    }
    void set_pageblock_type(Pfn pfn, MigrateType type) { pageblock(pfn) = type; }

    /// Keeps the pageblock of `page`, which was allocated for somebody urgent, back for others
    /// such: up to a hundredth of the zone.
    void reserve_highatomic_pageblock(Page& page) REQUIRES(lock);
    /// Opens one of them for everybody; false if there is none with free pages.
    bool unreserve_highatomic_pageblock() REQUIRES(lock);

    /// A guess without the lock.
    u64 free_pages_now() const NO_LOCK_ANALYSIS {
        return std::atomic_ref(const_cast<u64&>(free_pages)).load(std::memory_order_relaxed);
    }

    Page& page(Pfn pfn) const { return pages_[pfn - start]; }
    Pfn frame_of(const Page& page) const { return start + u64(&page - pages_); }

private:
    bool is_free_block(Pfn first, unsigned order) const REQUIRES(lock);
    bool may_merge(Pfn first, Pfn buddy, unsigned order) const;
    void add_to_free_list(Page& page, unsigned order, MigrateType type) REQUIRES(lock);
    void del_from_free_list(Page& page, unsigned order) REQUIRES(lock);
    void expand(Page& page, unsigned low, unsigned high, MigrateType type) REQUIRES(lock);

    MigrateType& pageblock(Pfn pfn) const {
        return *reinterpret_cast<MigrateType*>(pageblocks_ + (pfn.raw() >> kPageblockOrder));
    }
    bool owns_pageblock(Pfn first) const;
    Page* rmqueue_fallback(unsigned order, MigrateType type) REQUIRES(lock);
    void steal(Page& page, unsigned order, MigrateType type) REQUIRES(lock);
    u64 move_freepages_block(Pfn first, MigrateType type) REQUIRES(lock);

    Page* pages_ = nullptr;  // of `start`
    u64 pageblocks_ = 0;     // where the type of frame 0 would stand
};

/// All zones, by Page::zone; null where there is none.
inline constexpr unsigned kZoneIdShift = 2;  // an id is the node's number and the ZoneIndex
extern constinit Zone* zone_table[];
inline Zone& zone_of(const Page& page) { return *zone_table[page.zone]; }

constexpr ZoneIndex zone_index_of(Pfn pfn) {
    return pfn < Pfn(0x1000) ? kZoneDma : pfn < Pfn(0x10'0000) ? kZoneDma32 : kZoneNormal;
}

/// Whether a block of 2^order could be taken now without going below `mark`, whoever wants it. For
/// kswapd: the exact count, and there is a block.
bool zone_watermark_ok(Zone& zone, unsigned order, Watermark mark);

}  // namespace mm
