/// modify_ldt(2), set_thread_area(2): segments as programs describe them.
#pragma once

#include "abi/types.h"

namespace abi {

/// struct user_desc. The bits of `flags` are bit fields in C.
struct UserDesc {
    u32 entry_number;
    u32 base;
    u32 limit;
    u32 flags;
};
static_assert(sizeof(UserDesc) == 16);

inline constexpr u32 UD_SEG_32BIT = 1 << 0, UD_CONTENTS_SHIFT = 1, UD_CONTENTS = 3 << 1;
inline constexpr u32 UD_READ_EXEC_ONLY = 1 << 3, UD_LIMIT_IN_PAGES = 1 << 4;
inline constexpr u32 UD_SEG_NOT_PRESENT = 1 << 5, UD_USEABLE = 1 << 6, UD_LM = 1 << 7;
inline constexpr u32 kUserDescFlags = 0xff;  // the others do not count

/// Of UD_CONTENTS.
inline constexpr u32 kContentsExpandDown = 1, kContentsConforming = 3;

/// The largest number of entries of an LDT, and the bytes of each.
inline constexpr u32 kLdtEntries = 8192, kLdtEntrySize = 8;

}  // namespace abi
