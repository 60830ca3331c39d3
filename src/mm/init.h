/// Starting memory management, and giving boot memory back.
#pragma once

#include "lib/memblock.h"
#include "lib/numa_map.h"

namespace mm {

/// Maps the page array, hands all unreserved RAM to the page allocator, divided into nodes as
/// `numa` says, if that makes sense. After this `memblock` is history. Panics if memory is too
/// small.
void init(Memblock& memblock, const NumaMap& numa);

/// The processor belongs to that node of the map. Before it runs.
void set_cpu_node(unsigned cpu, unsigned node);

/// Gives frames that were reserved at boot (init memory, the initrd) to the allocator. Returns
/// their number.
u64 free_reserved(PhysRange range);

/// RAM as the firmware described it, holes excluded: for /proc/iomem and dumps.
std::span<const PhysRange> ram_ranges();

}  // namespace mm
