// Finding room: get_unmapped_area().
//
// The search goes from mmap_base downwards through the gaps between areas. So that it does not
// walk over the same full stretch at every call, the address space remembers where the last search
// ended (free_area_cache) and the largest gap it passed over on the way (cached_hole): a smaller
// request starts at the top again, any other where the last one ended. Linux 2.6 did the same
// before its tree of areas knew the gaps.

#include <array>

#include "abi/mman.h"
#include "arch/layout.h"
#include "vm/areas.h"

namespace vm {

namespace {

/// MAP_32BIT promises addresses below 2 GiB.
constexpr VirtAddr kTwoGib{0x8000'0000};

/// The highest `bytes` free bytes below `top`. `passed`: the largest gap that was too small.
/// ENOMEM.
Result<VirtAddr> search_down(MmStruct& mm, VirtAddr top, u64 bytes, u64& passed) {
    VirtAddr limit = top;
    VmArea* above = mm.areas.lower_bound(top);
    if (above) limit = std::min(limit, start_with_gap(*above));
    VmArea* area = above ? mm.areas.prev(*above) : mm.areas.last();
    for (;; area = mm.areas.prev(*area)) {
        const VirtAddr low = area ? std::max(area->end, arch::kUserMin) : arch::kUserMin;
        if (low < limit) {
            if (limit - low >= bytes) return limit - bytes;
            passed = std::max<u64>(passed, limit - low);
        }
        if (!area) return ENOMEM;
        limit = std::min(limit, start_with_gap(*area));
    }
}

Result<VirtAddr> search_from_cache(MmStruct& mm, u64 bytes) {
    if (bytes <= mm.cached_hole || mm.free_area_cache > mm.mmap_base) {
        mm.free_area_cache = mm.mmap_base;
        mm.cached_hole = 0;
    }
    const VirtAddr top = mm.free_area_cache;
    Result<VirtAddr> found = search_down(mm, top, bytes, mm.cached_hole);
    if (found.ok()) {
        mm.free_area_cache = found.value();
        return found;
    }
    // There may be room that became free above, and at last above mmap_base.
    mm.free_area_cache = mm.mmap_base;
    mm.cached_hole = 0;
    u64 ignored = 0;
    if (top < mm.mmap_base) {
        Result<VirtAddr> again = search_down(mm, mm.mmap_base, bytes, ignored);
        if (again.ok()) return again;
    }
    return search_down(mm, arch::kUserEnd, bytes, ignored);
}

}  // namespace

VirtAddr start_with_gap(const VmArea& area) {
    if (!(area.flags & kVmGrowsDown)) return area.start;
    return area.start.raw() > kStackGuardGap ? area.start - kStackGuardGap : VirtAddr(0);
}

Result<VirtAddr> get_unmapped_area(MmStruct& mm, VirtAddr hint, u64 bytes, Below below) {
    if (bytes > arch::kUserEnd - arch::kUserMin) return ENOMEM;
    const VirtAddr end = below == Below::TwoGib ? kTwoGib : arch::kUserEnd;
    if (hint.raw() != 0 && hint.raw() <= end.raw() - kPageSize) {
        const VirtAddr at = std::max(page_up(hint), arch::kUserMin);
        const VmArea* next = mm.find_vma(at);
        const bool fits = at < end && bytes <= end - at;
        if (fits && (!next || at + bytes <= start_with_gap(*next))) return at;
    }
    u64 ignored = 0;
    if (below == Below::TwoGib) return search_down(mm, kTwoGib, bytes, ignored);
    return search_from_cache(mm, bytes);
}

}  // namespace vm
