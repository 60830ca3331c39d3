/// Flags of swapon(2). Values of Linux (include/linux/swap.h).
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr int SWAP_FLAG_PRIO_MASK = 0x7fff;
inline constexpr int SWAP_FLAG_PREFER = 0x8000;
inline constexpr int SWAP_FLAG_DISCARD = 0x10000;
inline constexpr int SWAP_FLAG_DISCARD_ONCE = 0x20000;
inline constexpr int SWAP_FLAG_DISCARD_PAGES = 0x40000;

}  // namespace abi
