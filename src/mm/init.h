/// Starting memory management, and giving boot memory back.
#pragma once

#include "lib/memblock.h"

namespace mm {

/// Maps the page array, hands all unreserved RAM to the page allocator. After this `memblock` is
/// history. Panics if memory is too small.
void init(Memblock& memblock);

/// Gives frames that were reserved at boot (init memory, the initrd) to the allocator. Returns
/// their number.
u64 free_reserved(PhysRange range);

/// RAM as the firmware described it, holes excluded: for /proc/iomem and dumps.
std::span<const PhysRange> ram_ranges();

}  // namespace mm
