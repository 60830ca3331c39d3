/// What the files of the page allocator share.
#pragma once

#include "lib/memblock.h"
#include "mm/mempolicy.h"
#include "mm/page_alloc.h"
#include "mm/page_alloc/node.h"
#include "mm/page_alloc/pcp.h"
#include "mm/page_alloc/zone.h"

namespace mm {

inline constexpr u64 kAllNodes = ~u64{0};

/// One allocation, while zones are tried.
struct AllocContext {
    AllocContext(Gfp how, unsigned size, Node& near, u64 only = kAllNodes)
        : gfp(how),
          order(size),
          type(migrate_type_of(how)),
          highest(highest_zone(how)),
          preferred(near),
          nodes(has(how, Gfp::ThisNode) ? u64{1} << near.id : only) {}

    Gfp gfp;
    const unsigned order;
    const MigrateType type;
    const ZoneIndex highest;   // the highest zone that will do
    Node& preferred;           // whose zonelist is walked
    const u64 nodes;           // a bit each: no other may serve it
    bool interleaves = false;  // the policy in force does, and chose `preferred`

    /// Urgent and unable to wait: may go deepest, and has pageblocks kept back for it.
    bool is_atomic() const { return has(gfp, Gfp::High) && !has(gfp, Gfp::DirectReclaim); }

    static constexpr ZoneIndex highest_zone(Gfp gfp) {
        return has(gfp, Gfp::Dma) ? kZoneDma : has(gfp, Gfp::Dma32) ? kZoneDma32 : kZoneNormal;
    }
};

/// By the low bits of a Gfp, which say where the memory may lie: this processor's list of the first
/// zone of its node to be asked. Never null. page_alloc.cc
inline constexpr unsigned kGfpZones = 8;
static_assert(static_cast<u32>(Gfp::Dma | Gfp::HighMem | Gfp::Dma32) == kGfpZones - 1);
extern PerCpuPages* first_pageset[kGfpZones];  // per-CPU
/// Sets them. While a policy is in force they are lists without pages. node.cc
void set_first_pagesets(unsigned cpu);

// --- memory policies: policy/

/// Of the task that runs here; null if it has none now.
extern TaskPolicy* policy_in_force;  // per-CPU

/// The n-th of the nodes, from 0; there are as many.
unsigned nth_node(u64 nodes, unsigned n);

/// What the policy in force says to an allocation.
struct PolicyChoice {
    Node* near;             // whose zonelist is walked
    u64 only = kAllNodes;   // no other may serve it
    u64 first = kAllNodes;  // the others only if these have nothing to spare
    bool interleaves = false;
};
PolicyChoice choose_by_policy(Gfp gfp);

/// A block from the first zone of the zonelist that has one and stays above `mark`, or null.
/// zonelist.cc
Page* get_page_from_freelist(const AllocContext& wanted, Watermark mark);

/// Whether `zone` may be asked for the block: what is left would be above the watermark and what
/// is reserved for those who cannot have a higher zone, and there is a block.
bool zone_watermark_ok(const Zone& zone, const AllocContext& wanted, Watermark mark);

/// What to do when there was none: wake kswapd, go deeper into the reserve, reclaim, kill. Null if
/// all was in vain. slow_path.cc
Page* alloc_pages_slowpath(AllocContext& wanted);

/// Gives the single pages that wait on this processor, or on all, back to the zones: they may be
/// all that keeps a large block from forming. drain_all_pages() may sleep.
void drain_local_pages();
void drain_all_pages();

// --- boot: node.cc

/// Makes the nodes and zones for `ram`; none of it is free yet. ENOMEM.
Result<void> create_nodes(Memblock& memblock, const RangeList& ram, const NumaMap& map);

/// Calls `body(zone, first, end)` for the pieces of [first, end) that lie in one zone each.
void for_each_piece(Pfn first, Pfn end, void (*body)(Zone& zone, Pfn first, Pfn end));

/// Zonelists, watermarks, reserves, sizes of the processors' lists: from what the zones manage.
void build_zonelists();
void set_watermarks();

void print_nodes();

}  // namespace mm
