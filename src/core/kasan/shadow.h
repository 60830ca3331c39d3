/// The shadow: what may be accessed. See README.md.
#pragma once

#include "arch/kasan_map.h"
#include "lib/strong.h"

namespace kasan {

inline constexpr u64 kGranule = 8;  // bytes of memory for one of the shadow

/// Why a granule may not be accessed. The compiler writes those of the stack.
enum class Poison : u8 {
    None = 0,
    AllocaLeft = 0xca,
    AllocaRight = 0xcb,
    StackLeft = 0xf1,
    StackMiddle = 0xf2,
    StackRight = 0xf3,
    StackPartial = 0xf4,
    StackScope = 0xf8,
    Global = 0xf9,
    Vmalloc = 0xfa,
    SlabFree = 0xfb,
    SlabRedzone = 0xfc,
    PageRedzone = 0xfe,
    PageFree = 0xff,
};

inline u8* shadow_of(const volatile void* at) {
    return reinterpret_cast<u8*>((reinterpret_cast<u64>(at) >> 3) + arch::kShadowOffset);
}

/// [at, at + bytes) may not be accessed; whole granules, a partial last one becomes a whole.
void poison(const void* at, usize bytes, Poison why);
/// [at, at + bytes) may be, and what follows in the last granule not. `at` begins a granule.
void unpoison(const void* at, usize bytes);

/// The first byte of [at, at + bytes) that may not be accessed; null: there is none.
const u8* find_poison(const void* at, usize bytes);

}  // namespace kasan
