/// Where KASAN's shadow lies, and how it is mapped. In builds without KASAN there is none.
///
/// The shadow of address a is at (a >> 3) + kShadowOffset, the number that the compiler is given
/// (kernel.mk) and that Linux uses. What has no shadow of its own shares one page of zeros, read
/// only: it may be accessed.
#pragma once

#include "arch/pte.h"
#include "lib/kasan.h"
#include "lib/result.h"

namespace arch {

inline constexpr u64 kShadowOffset = 0xdfff'fc00'0000'0000;
inline constexpr VirtAddr kShadowStart{0xffff'ec00'0000'0000};  // of the kernel half
inline constexpr VirtAddr kShadowEnd{0xffff'fc00'0000'0000};

// x86_64/kasan/shadow_map.cc; builds with KASAN only
void map_early_shadow_tables();
Result<void> map_shadow_of_memory(PageTable& root, Result<PhysAddr> (*alloc)());
void clear_early_shadow();

/// Gives the page of the shadow at `page` a frame of its own, from `alloc`, filled with `fill`;
/// false if it has one already. ENOMEM. The caller sees to it that nobody else does the same.
Result<bool> map_shadow_page(PageTable& root, VirtAddr page, u8 fill, Result<PhysAddr> (*alloc)());

/// The first thing that C++ does: whatever is checked from then on has a shadow, if only zeros.
inline void map_early_shadow() {
    if constexpr (kKasan) map_early_shadow_tables();
}

}  // namespace arch
