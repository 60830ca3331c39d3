// Making nodes and zones out of RAM and the firmware's map of it. Linux: mm/mm_init.c,
// build_zonelists() and setup_per_zone_wmarks() in mm/page_alloc.c.

#include "mm/page_alloc/node.h"

#include <new>

#include "core/log/printk.h"
#include "lib/string.h"
#include "mm/page_alloc/internal.h"

namespace mm {

constinit Node* node_data[kMaxNodes] = {};
constinit unsigned nr_nodes = 0;
constinit Zone* zone_table[kMaxNodes << kZoneIdShift] = {};
PER_CPU u32 numa_node = 0;
constinit std::atomic<u32> min_free_kbytes{0};

namespace {

constinit NumaMap map;

constexpr const char* kZoneNames[kZones] = {"DMA", "DMA32", "Normal"};
constexpr Pfn kZoneEnds[kZones] = {Pfn(0x1000), Pfn(0x10'0000), Pfn(~u64{0})};

/// What a processor finds that has no zone to ask, or must ask a policy first: lists that are empty
/// for ever.
constinit PerCpuPages no_pages;

Result<void*> boot_memory(Memblock& memblock, u64 bytes) {
    const PhysAddr at = TRY(memblock.alloc(align_up(bytes, u64{64}), 64));
    return memset(arch::phys_to_virt(at), 0, bytes);
}

Result<void> create_node(Memblock& memblock, unsigned id) {
    Node& node = *new (TRY(boot_memory(memblock, sizeof(Node)))) Node();
    node.id = id;
    for (unsigned i = 0; i < kZones; i++) {
        Zone& zone = node.zones[i];
        zone.name = kZoneNames[i];
        zone.node = &node;
        zone.index = u8(i);
        zone.id = u8(id << kZoneIdShift | i);
        zone_table[zone.id] = &zone;
    }
    node_data[id] = &node;
    return {};
}

/// Frames from `first` up to `end` belong to it, too.
void extend(Zone& zone, Pfn first, Pfn end) {
    Node& node = *zone.node;
    if (zone.present == 0) zone.start = first;
    if (node.present == 0) node.start = first;
    zone.start = std::min(zone.start, first);
    zone.spanned = std::max(zone.end(), end) - zone.start;
    zone.present += end - first;
    node.start = std::min(node.start, first);
    node.spanned = std::max(node.start + node.spanned, end) - node.start;
    node.present += end - first;
}

Result<void> prepare_zone(Memblock& memblock, Zone& zone) {
    const u64 blocks =
        ((zone.end() - 1).raw() >> kPageblockOrder) - (zone.start.raw() >> kPageblockOrder) + 1;
    auto* const types = static_cast<MigrateType*>(TRY(boot_memory(memblock, blocks)));
    for (u64 i = 0; i < blocks; i++) types[i] = MigrateType::Movable;
    zone.init(zone.start, zone.spanned, &page_of(zone.start), types);
    const u64 cpus = possible_cpus.count();
    auto* const lists =
        static_cast<PerCpuPages*>(TRY(boot_memory(memblock, cpus * sizeof(PerCpuPages))));
    for (u64 cpu = 0; cpu < cpus; cpu++) new (&lists[cpu]) PerCpuPages();
    zone.pageset = lists;
    return {};
}

/// The nodes, the nearest first.
void sort_by_distance(unsigned from, u8 (&order)[kMaxNodes]) {
    for (unsigned i = 0; i < nr_nodes; i++) {
        unsigned at = i;
        while (at > 0 && map.distance(from, order[at - 1]) > map.distance(from, i)) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = u8(i);
    }
}

void build_zonelist(Node& node, unsigned highest, const u8 (&order)[kMaxNodes]) {
    usize count = 0;
    for (unsigned i = 0; i < nr_nodes; i++) {
        for (unsigned z = highest + 1; z-- > 0;) {
            Zone& zone = node_data[order[i]]->zones[z];
            if (zone.present > 0) node.zonelist[highest][count++] = &zone;
        }
    }
    node.zonelist[highest][count] = nullptr;
}

/// Kept back in a zone from those who could have had a higher one: a part of what that has.
void set_lowmem_reserves(Node& node) {
    constexpr u64 kRatio[kZones] = {256, 256, 32};
    for (unsigned low = 0; low < kZones; low++) {
        u64 above = 0;
        for (unsigned high = low + 1; high < kZones; high++) {
            above += node.zones[high].managed;
            node.zones[low].lowmem_reserve[high] =
                node.zones[low].managed > 0 ? above / kRatio[low] : 0;
        }
    }
}

}  // namespace

void set_first_pagesets(unsigned cpu) {
    const Node& node = *node_data[per_cpu(numa_node, cpu)];
    const bool has_policy = per_cpu(policy_in_force, cpu) != nullptr;
    for (unsigned i = 0; i < kGfpZones; i++) {
        Zone* const zone = node.zonelist[AllocContext::highest_zone(static_cast<Gfp>(i))][0];
        const bool is_near = zone != nullptr && zone->node == &node && !has_policy;
        per_cpu(first_pageset[i], cpu) = is_near ? &zone->pageset[cpu] : &no_pages;
    }
}

const NumaMap& numa_map() { return map; }
unsigned node_of_cpu(unsigned cpu) { return per_cpu(numa_node, cpu); }

void for_each_piece(Pfn first, Pfn end, void (*body)(Zone& zone, Pfn first, Pfn end)) {
    while (first < end) {
        const NumaMap::Stretch stretch = map.at(start_of(first).raw());
        const ZoneIndex index = zone_index_of(first);
        Pfn stop = std::min(end, kZoneEnds[index]);
        stop = std::min(stop, std::max(first + 1, Pfn(stretch.end >> kPageShift)));
        body(node_data[stretch.node]->zones[index], first, stop);
        first = stop;
    }
}

Result<void> create_nodes(Memblock& memblock, const RangeList& ram, const NumaMap& firmware) {
    map = firmware;
    if (!map.ranges().empty() && !map.is_sound(ram.ranges())) {
        printk(Level::Warning, "NUMA: the SRAT does not cover the memory; ignored");
        map.clear();
    }
    nr_nodes = map.node_count();
    for (unsigned id = 0; id < nr_nodes; id++) TRY(create_node(memblock, id));
    for (const PhysRange& range : ram.ranges()) {
        for_each_piece(Pfn(align_up(range.start, kPageSize) >> kPageShift),
                       Pfn(range.end >> kPageShift), [](Zone& zone, Pfn first, Pfn end) {
                           extend(zone, first, end);
                           for (Pfn pfn = first; pfn < end; pfn += 1) page_of(pfn).zone = zone.id;
                       });
    }
    for (unsigned id = 0; id < nr_nodes; id++) {
        for (Zone& zone : node_data[id]->zones) {
            if (zone.present > 0) TRY(prepare_zone(memblock, zone));
        }
    }
    return {};
}

void build_zonelists() {
    for_each_node([](Node& node) {
        u8 order[kMaxNodes] = {};
        sort_by_distance(node.id, order);
        for (unsigned highest = 0; highest < kZones; highest++) {
            build_zonelist(node, highest, order);
        }
    });
    for_each_cpu(possible_cpus, set_first_pagesets);
}

void set_cpu_node(unsigned cpu, unsigned node) {
    if (node >= nr_nodes) node = 0;
    node_data[per_cpu(numa_node, cpu)]->cpus &= ~(u64{1} << cpu);
    node_data[node]->cpus |= u64{1} << cpu;
    per_cpu(numa_node, cpu) = node;
    set_first_pagesets(cpu);
}

/// As Linux: what must stay free is 4 * sqrt(KiB of memory) KiB.
void set_watermarks() {
    u64 root = 1;  // the square root of 16 * KiB: in KiB
    while (root * root < total_pages() * 4 * 16) root++;
    static_cast<void>(set_min_free_kbytes(root).ok());
    for_each_zone([&](Zone& zone) {
        for_each_cpu(possible_cpus, [&](unsigned cpu) {
            size_pageset(zone.pageset[cpu], zone.managed, possible_cpus.count());
        });
    });
    for_each_node(set_lowmem_reserves);
}

/// Spread over the zones by size.
Result<void> set_min_free_kbytes(u64 kbytes) {
    const u64 total = total_pages(), pages = kbytes / (kPageSize / 1024);
    if (pages > total / 2) return EINVAL;
    min_free_kbytes.store(static_cast<u32>(kbytes), std::memory_order_relaxed);
    for_each_zone([&](Zone& zone) {
        const u64 min = pages * zone.managed / total;
        const u64 step = std::max(min / 4, zone.managed / 1000);
        zone.watermark[kWmarkMin] = min;
        zone.watermark[kWmarkLow] = min + step;
        zone.watermark[kWmarkHigh] = min + 2 * step;
    });
    return {};
}

void print_nodes() {
    for_each_node([](Node& node) {
        printk("node %u: [mem 0x%016x-0x%016x], %u pages", node.id, start_of(node.start).raw(),
               start_of(node.start + node.spanned).raw() - 1, node.present);
    });
    for_each_zone([](Zone& zone) {
        printk("node %u: zone %s: start %#x, %u spanned, %u present, %u managed", zone.node->id,
               zone.name, zone.start.raw(), zone.spanned, zone.present, zone.managed);
    });
}

}  // namespace mm
