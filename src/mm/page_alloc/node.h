/// Node: the memory that one group of processors reaches fastest, with its zones. A machine
/// without NUMA has one. Linux' pg_data_t.
#pragma once

#include "core/percpu/percpu.h"
#include "lib/numa_map.h"
#include "mm/page_alloc/zone.h"

namespace mm {

using ::kMaxNodes;

struct Node {
    unsigned id = 0;
    Pfn start;                     // the first frame; below: as for a zone
    u64 spanned = 0, present = 0;  // 0: processors only
    u64 cpus = 0;                  // its processors, a bit each
    Zone zones[kZones];            // DMA, DMA32, Normal; some may have no memory

    /// Where to look for memory, if the highest zone that will do is [i]: this node's zones from
    /// the highest down, then those of the nearest other node, and so on. Null at the end.
    Zone* zonelist[kZones][kMaxNodes * kZones + 1] = {};
};

extern constinit Node* node_data[kMaxNodes];  // null behind the last
extern constinit unsigned nr_nodes;

/// What the firmware said about nodes; how far they are from each other.
const NumaMap& numa_map();

/// Calls `body(node)` for every node, in rising order.
template <class Body>
void for_each_node(Body body) {
    for (unsigned id = 0; id < nr_nodes; id++) body(*node_data[id]);
}
/// Calls `body(zone)` for every zone that has memory, node by node, from the lowest.
template <class Body>
void for_each_zone(Body body) {
    for_each_node([&](Node& node) {
        for (Zone& zone : node.zones) {
            if (zone.present > 0) body(zone);
        }
    });
}

inline Node& node_of(const Page& page) { return *zone_of(page).node; }

extern u32 numa_node;  // per-CPU
/// The node of this processor.
inline Node& local_node() { return *node_data[arch::this_cpu_read(numa_node)]; }
unsigned node_of_cpu(unsigned cpu);

}  // namespace mm
