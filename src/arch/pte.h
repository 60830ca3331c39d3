/// The page-table entry, and the table it stands in. See: Intel SDM vol. 3, 4.5.
#pragma once

#include "lib/strong.h"

namespace arch {

inline constexpr unsigned kLevels = 4;
inline constexpr unsigned kIndexBits = 9;
inline constexpr unsigned kEntries = 1 << kIndexBits;

/// One entry: where it leads, and what is allowed there. A plain value; who changes an entry in
/// memory holds the lock of its table.
struct Pte {
    static constexpr u64 kPresent = 1 << 0;
    static constexpr u64 kWritable = 1 << 1;
    static constexpr u64 kUser = 1 << 2;
    static constexpr u64 kWriteThrough = 1 << 3;
    static constexpr u64 kUncached = 1 << 4;
    static constexpr u64 kAccessed = 1 << 5;
    static constexpr u64 kDirty = 1 << 6;
    static constexpr u64 kLarge = 1 << 7;
    static constexpr u64 kGlobal = 1 << 8;
    static constexpr u64 kSpecial = 1 << 9;     // software: no Page behind it (devices, zero page)
    static constexpr u64 kSoftDirty = 1 << 10;  // software: written to since clear_refs was
    static constexpr u64 kNoExecute = u64{1} << 63;
    static constexpr u64 kAddressMask = 0x000f'ffff'ffff'f000;

    u64 bits;

    static constexpr Pte to(Pfn pfn, u64 flags) { return Pte{pfn.raw() << kPageShift | flags}; }
    constexpr bool is_none() const { return bits == 0; }
    constexpr bool present() const { return bits & kPresent; }
    constexpr bool writable() const { return bits & kWritable; }
    constexpr bool user() const { return bits & kUser; }
    constexpr bool large() const { return bits & kLarge; }
    constexpr bool dirty() const { return bits & kDirty; }
    constexpr bool special() const { return bits & kSpecial; }
    constexpr Pfn pfn() const { return Pfn((bits & kAddressMask) >> kPageShift); }
    constexpr u64 flags() const { return bits & ~kAddressMask; }
    constexpr Pte without(u64 flags) const { return Pte{bits & ~flags}; }
    constexpr Pte with(u64 flags) const { return Pte{bits | flags}; }
};
static_assert(sizeof(Pte) == 8);

struct PageTable {
    Pte entry[kEntries];
};
static_assert(sizeof(PageTable) == kPageSize);

}  // namespace arch
