/// MigrateType: how long a page probably stays, and so with which others it is kept together.
///
/// A page of the kernel that never goes away, in the middle of free memory, keeps the whole
/// neighbourhood from ever becoming one large block again. So memory is divided into pageblocks
/// (2 MiB, the size of a huge page), each of one type, and an allocation takes from pageblocks of
/// its own type as long as it can. Linux: enum migratetype.
#pragma once

#include "lib/types.h"
#include "mm/gfp.h"

namespace mm {

enum class MigrateType : u8 {
    Unmovable,    // the kernel's own: slabs, page tables, stacks
    Movable,      // of processes and files: can be evicted
    Reclaimable,  // caches of the kernel that shrink under pressure
    HighAtomic,   // kept back for urgent blocks of more than one page
};
inline constexpr unsigned kMigrateTypes = 4;
inline constexpr unsigned kPcpTypes = 3;  // those that have per-processor lists and fallbacks

inline constexpr unsigned kPageblockOrder = 9;
inline constexpr u64 kPageblockPages = u64{1} << kPageblockOrder;

/// The type that an allocation asks for.
constexpr MigrateType migrate_type_of(Gfp gfp) {
    static_assert(static_cast<u32>(Gfp::Movable) >> 3 == static_cast<u32>(MigrateType::Movable));
    static_assert(static_cast<u32>(Gfp::Reclaimable) >> 3 ==
                  static_cast<u32>(MigrateType::Reclaimable));
    const u32 type = static_cast<u32>(gfp) >> 3 & 3;
    return static_cast<MigrateType>(type < kPcpTypes ? type : 0);
}

/// "Unmovable" …: as in /proc/pagetypeinfo.
const char* migrate_type_name(MigrateType type);

}  // namespace mm
