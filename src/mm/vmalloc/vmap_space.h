/// VmapSpace: which addresses of a region are taken. Each range knows the gap behind it, so that no
/// object is needed for what is free; the gaps stand in a tree by size, the ranges in one by
/// address. Taking the smallest gap that is large enough and giving a range back look at O(log n)
/// of them.
///
/// The smallest gap, and of equal ones the lowest: ranges of a few sizes (stacks) fill the holes
/// that others of their size left, and the region grows only when there is none. So the page tables
/// below it are bounded by the most that was ever in use at once.
///
/// Pure: no lock, no memory of its own.
#pragma once

#include "lib/rbtree.h"

namespace mm {

struct VmapRange {
    u64 start = 0;
    u64 size = 0;  // guard page included
    u64 gap = 0;   // free bytes from start + size on
    StaticRbNode by_address, by_gap;

    u64 end() const { return start + size; }
};

class VmapSpace {
public:
    constexpr VmapSpace(u64 start, u64 end) : start_(start), end_(end) {}

    /// Finds `range` a place of `size` bytes, which is not 0. False: no gap is large enough.
    bool reserve(VmapRange& range, u64 size);
    void release(VmapRange& range);

    /// The range that begins there, or null.
    VmapRange* find(u64 start) const;
    /// The first that begins there or later, or null.
    VmapRange* first_from(u64 start) const;

    /// Whether ranges and gaps fill the region without overlap; looks at all. For tests.
    bool is_sound() const;

private:
    struct ByAddress {
        bool operator()(const VmapRange& a, const VmapRange& b) const { return a.start < b.start; }
        bool operator()(const VmapRange& a, u64 b) const { return a.start < b; }
        bool operator()(u64 a, const VmapRange& b) const { return a < b.start; }
    };
    struct ByGap {
        bool operator()(const VmapRange& a, const VmapRange& b) const {
            return a.gap != b.gap ? a.gap < b.gap : a.start < b.start;
        }
        bool operator()(const VmapRange& a, u64 gap) const { return a.gap < gap; }
        bool operator()(u64 gap, const VmapRange& b) const { return gap < b.gap; }
    };
    void begin();
    void set_gap(VmapRange& range, u64 gap);

    const u64 start_, end_;
    VmapRange edge_;  // of no size, before all others: the gap at the start of the region is its
    RbTree<VmapRange, &VmapRange::by_address, ByAddress> ranges_;
    RbTree<VmapRange, &VmapRange::by_gap, ByGap> gaps_;  // those that are not 0
};

}  // namespace mm
