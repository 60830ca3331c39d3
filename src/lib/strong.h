/// Numbers that know what they number: a Pfn passed where a PhysAddr is wanted does not compile.
#pragma once

#include <compare>

#include "lib/types.h"

/// A number that knows what it numbers. Two Strong types never mix. Like points on a line, two
/// of a kind can be compared and subtracted, and a plain count can be added; nothing else makes
/// sense.
template <class Kind>
class Strong {
public:
    constexpr Strong() = default;
    constexpr explicit Strong(u64 raw) : raw_(raw) {}
    constexpr u64 raw() const { return raw_; }

    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
    friend constexpr Strong operator+(Strong at, u64 count) { return Strong(at.raw_ + count); }
    friend constexpr Strong operator-(Strong at, u64 count) { return Strong(at.raw_ - count); }
    friend constexpr u64 operator-(Strong to, Strong from) { return to.raw_ - from.raw_; }
    constexpr Strong& operator+=(u64 count) {
        raw_ += count;
        return *this;
    }

private:
    u64 raw_ = 0;
};

using PhysAddr = Strong<struct PhysAddrKind>;  // a byte in RAM or MMIO, as the bus sees it
using VirtAddr = Strong<struct VirtAddrKind>;  // a byte in some address space
using Pfn = Strong<struct PfnKind>;            // a page frame: PhysAddr / kPageSize

constexpr Pfn pfn_of(PhysAddr pa) { return Pfn(pa.raw() >> kPageShift); }
constexpr PhysAddr start_of(Pfn pfn) { return PhysAddr(pfn.raw() << kPageShift); }
constexpr VirtAddr page_down(VirtAddr va) { return VirtAddr(align_down(va.raw(), kPageSize)); }
constexpr VirtAddr page_up(VirtAddr va) { return VirtAddr(align_up(va.raw(), kPageSize)); }
