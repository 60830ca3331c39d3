/// What the parts of vmalloc know of each other: areas, their page tables, and the dead ones.
#pragma once

#include <span>

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "mm/page_table.h"
#include "mm/vmalloc.h"
#include "mm/vmalloc/vmap_space.h"

namespace mm {

/// A piece of the region, with an unmapped guard page at its end. Linux' vmap_area and vm_struct.
struct VmapArea : VmapRange {
    u64 pages = 0;  // that may be mapped
    VmapKind kind{};
    bool is_dead = false;  // unmapped, but still in some processor's TLB
    u64 caller = 0;
    PhysAddr phys{};  // of the registers, for VmapKind::Ioremap
    ListLink link;    // dead: waits for the flush

    VirtAddr at(u64 page) const { return VirtAddr(start + page * kPageSize); }
};

// vmap_area.cc
/// A new area for so many pages. ENOMEM.
Result<VmapArea*> alloc_vmap_area(u64 pages, VmapKind kind, u64 caller);
/// The living one that begins there, or null.
VmapArea* find_vmap_area(VirtAddr start);
/// Unmaps it; it may be used no more. Its address comes back after the next flush.
void free_vmap_area(VmapArea& area);

// vmap_pages.cc
/// Maps these from page `at` of the area on; returns how many were, which are less when there is no
/// memory for page tables.
u64 map_pages(VmapArea& area, u64 at, std::span<Page* const> pages);
/// Maps the frames from `first` on, as many as the area has pages. ENOMEM.
Result<void> map_frames(VmapArea& area, Pfn first, u64 flags);
/// Unmaps all; frees the pages of a VmapKind::Vmalloc.
void unmap_pages(VmapArea& area);

}  // namespace mm
