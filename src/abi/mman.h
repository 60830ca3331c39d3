/// Flags of mmap(2) and its relatives. Linux: include/uapi/asm-generic/mman-common.h, mman.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_SEM = 8;
inline constexpr u32 PROT_GROWSDOWN = 0x0100'0000, PROT_GROWSUP = 0x0200'0000;

// The kind of mapping: exactly one of these.
inline constexpr u32 MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3, MAP_TYPE = 0xf;

inline constexpr u32 MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_32BIT = 0x40;
inline constexpr u32 MAP_GROWSDOWN = 0x100, MAP_DENYWRITE = 0x800, MAP_EXECUTABLE = 0x1000;
inline constexpr u32 MAP_LOCKED = 0x2000, MAP_NORESERVE = 0x4000, MAP_POPULATE = 0x8000;
inline constexpr u32 MAP_NONBLOCK = 0x1'0000, MAP_STACK = 0x2'0000, MAP_HUGETLB = 0x4'0000;
inline constexpr u32 MAP_SYNC = 0x8'0000, MAP_FIXED_NOREPLACE = 0x10'0000;

/// What MAP_SHARED_VALIDATE accepts with a file: what was there before it. The older kinds ignore
/// bits they do not know.
inline constexpr u32 kMapKnownFlags = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |
                                      MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |
                                      MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |
                                      MAP_STACK | MAP_HUGETLB;

inline constexpr u32 MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4;

inline constexpr int MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4;

inline constexpr int MADV_NORMAL = 0, MADV_RANDOM = 1, MADV_SEQUENTIAL = 2, MADV_WILLNEED = 3;
inline constexpr int MADV_DONTNEED = 4, MADV_FREE = 8, MADV_REMOVE = 9;
inline constexpr int MADV_DONTFORK = 10, MADV_DOFORK = 11, MADV_MERGEABLE = 12;
inline constexpr int MADV_UNMERGEABLE = 13, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15;
inline constexpr int MADV_DONTDUMP = 16, MADV_DODUMP = 17, MADV_WIPEONFORK = 18;
inline constexpr int MADV_KEEPONFORK = 19, MADV_COLD = 20, MADV_PAGEOUT = 21;
inline constexpr int MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23;
inline constexpr int MADV_DONTNEED_LOCKED = 24;

inline constexpr u32 MCL_CURRENT = 1, MCL_FUTURE = 2, MCL_ONFAULT = 4;
inline constexpr u32 MLOCK_ONFAULT = 1;

}  // namespace abi
