/// The auxiliary vector on a new program's stack. Linux: include/uapi/linux/auxvec.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u64 AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6;
inline constexpr u64 AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12;
inline constexpr u64 AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17;
inline constexpr u64 AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31;
inline constexpr u64 AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51;

}  // namespace abi
