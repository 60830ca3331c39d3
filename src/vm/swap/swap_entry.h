/// SwapEntry: a place in swap space: which device, and which page-sized slot of it. Linux'
/// swp_entry_t.
///
/// In a page table it stands in an entry that is not present, with two marks that no entry for
/// memory has together: the processor ignores them all. It keeps the mark kSoftDirty of the page.
#pragma once

#include "arch/pte.h"

namespace vm {

struct SwapEntry {
    static constexpr unsigned kOffsetBits = 40;
    u64 value = 0;  // device above, slot below; slot 0 is the header, so never 0

    static constexpr SwapEntry of(unsigned device, u64 slot) {
        return {u64{device} << kOffsetBits | slot};
    }
    unsigned device() const { return static_cast<unsigned>(value >> kOffsetBits); }
    u64 slot() const { return value & ((u64{1} << kOffsetBits) - 1); }
    explicit operator bool() const { return value != 0; }
    bool operator==(const SwapEntry&) const = default;
};

constexpr unsigned kSwapDeviceShift = 52;  // in a page-table entry: above the address

inline arch::Pte swap_pte(SwapEntry entry) {
    using arch::Pte;
    return Pte{entry.slot() << kPageShift | u64{entry.device()} << kSwapDeviceShift |
               Pte::kSpecial | Pte::kGlobal};
}
/// What a page-table entry with is_swap() says.
inline SwapEntry swap_entry_of(arch::Pte entry) {
    return SwapEntry::of(entry.bits >> kSwapDeviceShift & 0x1f, entry.pfn().raw());
}

}  // namespace vm
