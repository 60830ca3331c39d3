/// Memblock: who owns which RAM before there is a page allocator. Two sorted lists of ranges:
/// what RAM there is, and what of it is taken. Linux: mm/memblock.c.
///
/// Discipline: add all RAM, reserve all that is in use (kernel, initrd, tables), then alloc().
/// Whatever is RAM and not reserved in the end goes to the page allocator.
///
/// Invariants: 1. the ranges of a list are sorted by start, do not overlap and do not touch.
/// 2. no range is empty or wraps around the end of the address space.
#pragma once

#include <span>

#include "lib/result.h"
#include "lib/strong.h"

struct PhysRange {
    u64 start, end;  // [start, end), in bytes
    u64 bytes() const { return end - start; }
};

/// A sorted set of disjoint ranges, in a fixed array.
class RangeList {
public:
    static constexpr usize kCapacity = 256;

    /// Adds [start, end), joining what overlaps or touches. Empty ranges vanish. ENOMEM: full.
    Result<void> add(u64 start, u64 end);

    /// Takes [start, end) out, cutting ranges where necessary. ENOMEM: full.
    Result<void> remove(u64 start, u64 end);

    bool overlaps(u64 start, u64 end) const;
    bool contains(u64 start, u64 end) const;
    std::span<const PhysRange> ranges() const { return {ranges_, count_}; }
    u64 total() const;

private:
    void erase(usize first, usize last);
    Result<void> insert(usize at, PhysRange range);

    PhysRange ranges_[kCapacity] = {};
    usize count_ = 0;
};

class Memblock {
public:
    RangeList memory;    // RAM
    RangeList reserved;  // in use; may cover what is not RAM

    /// `bytes` of RAM, aligned, below `limit`, from the top down; reserved from now on. ENOMEM.
    /// The contents are whatever they were.
    Result<PhysAddr> alloc(u64 bytes, u64 align, u64 limit = ~u64{0});

    /// Cuts RAM at `limit` (mem=).
    Result<void> limit_memory(u64 limit) { return memory.remove(limit, ~u64{0}); }

    /// Calls `body(start, end)` for each stretch of RAM that nobody has reserved, in rising order.
    template <class Body>
    void for_each_free(Body body) const {
        for (const PhysRange& ram : memory.ranges()) {
            u64 at = ram.start;
            for (const PhysRange& taken : reserved.ranges()) {
                if (taken.end <= at) continue;
                if (taken.start >= ram.end) break;
                if (taken.start > at) body(at, taken.start);
                at = taken.end;
            }
            if (at < ram.end) body(at, ram.end);
        }
    }
};
