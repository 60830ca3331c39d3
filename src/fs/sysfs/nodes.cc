// Nodes of memory: what each has, which processors are near. Linux: drivers/base/node.c.

#include "fs/sysfs/nodes.h"

#include "mm/mempolicy.h"
#include "mm/page_alloc/node.h"
#include "mm/page_alloc/pcp.h"

namespace sysfs {

namespace {

using libfs::Node;
using libfs::SeqFile;
using libfs::TextNode;

void print_mask(SeqFile& out, u64 bits) {
    out.write_ranges(bits);
    out.write("\n");
}

mm::Node& node_at(void* number) { return *mm::node_data[reinterpret_cast<u64>(number)]; }

Result<void> show_all(SeqFile& out, void*) {
    print_mask(out, (u64{1} << mm::nr_nodes) - 1);
    return {};
}

Result<void> show_with_memory(SeqFile& out, void*) {
    print_mask(out, mm::nodes_with_memory());
    return {};
}

Result<void> show_with_cpus(SeqFile& out, void*) {
    u64 nodes = 0;
    mm::for_each_node([&](mm::Node& node) { nodes |= u64{node.cpus != 0} << node.id; });
    print_mask(out, nodes);
    return {};
}

Result<void> show_cpulist(SeqFile& out, void* number) {
    print_mask(out, node_at(number).cpus);
    return {};
}

Result<void> show_distance(SeqFile& out, void* number) {
    const unsigned from = node_at(number).id;
    for (unsigned to = 0; to < mm::nr_nodes; to++) {
        out.print("%s%u", to > 0 ? " " : "", u32{mm::numa_map().distance(from, to)});
    }
    out.write("\n");
    return {};
}

Result<void> show_meminfo(SeqFile& out, void* number) {
    const mm::Node& node = node_at(number);
    u64 managed = 0, free = 0;
    for (const mm::Zone& zone : node.zones) {
        managed += zone.managed;
        free += zone.free_pages_now();
    }
    constexpr u64 kKib = kPageSize / 1024;
    out.print("Node %u %-15s %8lu kB\n", node.id, "MemTotal:", managed * kKib);
    out.print("Node %u %-15s %8lu kB\n", node.id, "MemFree:", free * kKib);
    out.print("Node %u %-15s %8lu kB\n", node.id, "MemUsed:", (managed - free) * kKib);
    return {};
}

Result<void> show_numastat(SeqFile& out, void* number) {
    mm::NumaCounts counts;
    for (const mm::Zone& zone : node_at(number).zones) {
        if (zone.present > 0) counts.add(zone);
    }
    out.print("numa_hit %lu\nnuma_miss %lu\nnuma_foreign %lu\n", counts.hit, counts.miss,
              counts.foreign);
    out.print("interleave_hit %lu\nlocal_node %lu\nother_node %lu\n", counts.interleave,
              counts.local, counts.other);
    return {};
}

constexpr TextNode kFiles[] = {{"online", 0444, show_all},
                               {"possible", 0444, show_all},
                               {"has_memory", 0444, show_with_memory},
                               {"has_normal_memory", 0444, show_with_memory},
                               {"has_cpu", 0444, show_with_cpus}};
constexpr TextNode kNodeFiles[] = {{"cpulist", 0444, show_cpulist},
                                   {"distance", 0444, show_distance},
                                   {"meminfo", 0444, show_meminfo},
                                   {"numastat", 0444, show_numastat}};

}  // namespace

Result<void> add_nodes(libfs::Tree& tree, Node& system) {
    Node& nodes = *TRY(tree.add_dir(system, "node"));
    for (const TextNode& file : kFiles) TRY(tree.add_text(nodes, file));
    for (u64 id = 0; id < mm::nr_nodes; id++) {
        char name[12];
        const usize length = format_to(name, "node%lu", id);
        Node& dir = *TRY(tree.add_dir(nodes, {name, length}));
        for (const TextNode& file : kNodeFiles) {
            TRY(tree.add_text(dir, file, reinterpret_cast<void*>(id)));
        }
    }
    return {};
}

}  // namespace sysfs
