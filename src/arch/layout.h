/// Where things stand in the address space: the same regions as Linux x86-64, so that its
/// documentation (Documentation/x86/x86_64/mm.rst) applies.
///
///     0 … 0x7fff_ffff_f000      user
///     0xffff_8880_0000_0000     direct map: every byte of RAM, at kDirectMap + physical address
///     0xffff_c900_0000_0000     vmalloc: kernel stacks, ioremap, large tables
///     0xffff_ea00_0000_0000     vmemmap: the array of Page, indexed by frame number
///     0xffff_ff00_0000_0000     the stacks for the last IRET: x86_64/trap/espfix.h
///     0xffff_ffff_8000_0000     the kernel image, at kKernelBase + physical address
///
/// Each kernel region lies within one entry of the top-level table (512 GiB), so sharing these
/// five entries shares the whole kernel half between all address spaces.
#pragma once

#include "lib/strong.h"

namespace arch {

inline constexpr VirtAddr kUserEnd{0x0000'7fff'ffff'f000};  // first address users may not have
inline constexpr VirtAddr kUserMin{0x1'0000};               // mmap_min_addr: null pointers fault
inline constexpr VirtAddr kDirectMap{0xffff'8880'0000'0000};
inline constexpr VirtAddr kVmallocStart{0xffff'c900'0000'0000};
inline constexpr VirtAddr kVmallocEnd{0xffff'c980'0000'0000};
inline constexpr VirtAddr kVmemmap{0xffff'ea00'0000'0000};
inline constexpr VirtAddr kEspfix{0xffff'ff00'0000'0000};
inline constexpr VirtAddr kKernelBase{0xffff'ffff'8000'0000};

/// RAM beyond this is ignored, with a message: the direct map and vmemmap have one top-level
/// entry each.
inline constexpr PhysAddr kMaxPhys{512ull << 30};

/// The kernel's view of a byte of RAM. Valid for RAM only; devices need mm::ioremap().
template <class T = void>
T* phys_to_virt(PhysAddr at) {
    return reinterpret_cast<T*>(kDirectMap.raw() + at.raw());
}

/// The physical address behind a pointer into the direct map or the kernel image.
inline PhysAddr virt_to_phys(const void* pointer) {
    const u64 at = reinterpret_cast<u64>(pointer);
    return PhysAddr(at >= kKernelBase.raw() ? at - kKernelBase.raw() : at - kDirectMap.raw());
}

constexpr bool is_user_address(VirtAddr at) { return at < kUserEnd; }

/// True if the `bytes` bytes from `at` all lie in the user half; false also if they wrap.
constexpr bool is_user_range(VirtAddr at, usize bytes) {
    return at <= kUserEnd && bytes <= kUserEnd - at;
}

}  // namespace arch
