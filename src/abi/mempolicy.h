/// Memory policies: set_mempolicy(2), get_mempolicy(2), mbind(2). Values of Linux
/// (include/uapi/linux/mempolicy.h).
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 MPOL_DEFAULT = 0, MPOL_PREFERRED = 1, MPOL_BIND = 2, MPOL_INTERLEAVE = 3;
inline constexpr u32 MPOL_LOCAL = 4, MPOL_PREFERRED_MANY = 5, MPOL_MAX = 6;

// Flags that are given together with the mode.
inline constexpr u32 MPOL_F_NUMA_BALANCING = 1 << 13, MPOL_F_RELATIVE_NODES = 1 << 14;
inline constexpr u32 MPOL_F_STATIC_NODES = 1 << 15;
inline constexpr u32 MPOL_MODE_FLAGS =
    MPOL_F_NUMA_BALANCING | MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES;

// What get_mempolicy() tells.
inline constexpr u64 MPOL_F_NODE = 1 << 0, MPOL_F_ADDR = 1 << 1, MPOL_F_MEMS_ALLOWED = 1 << 2;

// What mbind() does with the pages that are there.
inline constexpr u32 MPOL_MF_STRICT = 1 << 0, MPOL_MF_MOVE = 1 << 1, MPOL_MF_MOVE_ALL = 1 << 2;

}  // namespace abi
