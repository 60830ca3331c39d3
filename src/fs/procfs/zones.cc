// What the page allocator has, zone by zone: buddyinfo, pagetypeinfo, zoneinfo.
#include "fs/procfs/system.h"
#include "mm/page_alloc/node.h"
#include "mm/page_alloc/pcp.h"
#include "mm/vm_stat.h"

namespace procfs {
namespace {

using mm::MigrateType;
using mm::Zone;

constexpr MigrateType kTypes[] = {MigrateType::Unmovable, MigrateType::Movable,
                                  MigrateType::Reclaimable, MigrateType::HighAtomic};

/// A snapshot of the counts of one zone.
struct FreeCounts {
    explicit FreeCounts(Zone& zone) {
        IrqGuard guard(zone.lock);
        for (unsigned order = 0; order <= mm::kMaxOrder; order++) {
            for (unsigned type = 0; type < mm::kMigrateTypes; type++) {
                blocks[order][type] = zone.free_area[order].nr_free[type];
                total[order] += blocks[order][type];
            }
        }
    }
    u64 blocks[mm::kMaxOrder + 1][mm::kMigrateTypes] = {};
    u64 total[mm::kMaxOrder + 1] = {};
};

void print_zone_name(SeqFile& out, const Zone& zone) {
    out.print("Node %u, zone %8s", zone.node->id, zone.name);
}

void show_free_by_type(SeqFile& out, Zone& zone) {
    const FreeCounts counts(zone);
    for (const MigrateType type : kTypes) {
        out.print("Node %4u, zone %8s, type %12s ", zone.node->id, zone.name,
                  mm::migrate_type_name(type));
        for (const auto& blocks : counts.blocks) out.print("%6lu ", blocks[static_cast<u8>(type)]);
        out.write("\n");
    }
}

/// How many pageblocks are of each type; those without RAM are not counted.
void show_pageblocks(SeqFile& out, Zone& zone) {
    u64 counts[mm::kMigrateTypes] = {};
    for (Pfn at = zone.start; at < zone.end();) {
        if (mm::has_page(at) && &mm::zone_of(mm::page_of(at)) == &zone) {
            counts[static_cast<u8>(zone.pageblock_type(at))]++;
        }
        at = Pfn(align_down(at.raw(), mm::kPageblockPages) + mm::kPageblockPages);
    }
    print_zone_name(out, zone);
    out.write(" ");
    for (const u64 count : counts) out.print("%12lu ", count);
    out.write("\n");
}

void show_pagesets(SeqFile& out, const Zone& zone) {
    out.write("\n  pagesets");
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        const mm::PerCpuPages& pcp = zone.pageset[cpu];
        out.print("\n    cpu: %u\n              count: %u\n              high:  %u", cpu, pcp.count,
                  u32{pcp.high});
        out.print("\n              batch: %u", u32{pcp.batch});
    });
}

void show_zone_counts(SeqFile& out, const Zone& zone) {
    mm::NumaCounts numa;
    numa.add(zone);
    out.print("\n      %-12s %lu", "nr_free_pages", zone.free_pages_now());
    out.print("\n      %-12s %lu\n      %-12s %lu", "numa_hit", numa.hit, "numa_miss", numa.miss);
    out.print("\n      %-12s %lu\n      %-12s %lu", "numa_foreign", numa.foreign, "numa_interleave",
              numa.interleave);
    out.print("\n      %-12s %lu\n      %-12s %lu", "numa_local", numa.local, "numa_other",
              numa.other);
}

/// What is counted for the whole machine is the node's if there is only one.
void show_node_counts(SeqFile& out) {
    out.write("\n  per-node stats");
    if (mm::nr_nodes > 1) return;
    for (u8 item = 0; item <= static_cast<u8>(mm::VmItem::SwapCached); item++) {
        const auto which = static_cast<mm::VmItem>(item);
        out.print("\n      %-12s %lu", mm::vm_item_name(which), mm::vm_count(which));
    }
}

void show_zone(SeqFile& out, const Zone& zone, bool is_first) {
    print_zone_name(out, zone);
    if (is_first) show_node_counts(out);
    out.print("\n  pages free     %lu\n        boost    0\n        min      %lu",
              zone.free_pages_now(), zone.watermark[mm::kWmarkMin]);
    out.print("\n        low      %lu\n        high     %lu", zone.watermark[mm::kWmarkLow],
              zone.watermark[mm::kWmarkHigh]);
    out.print("\n        spanned  %lu\n        present  %lu\n        managed  %lu", zone.spanned,
              zone.present, zone.managed);
    out.print("\n        cma      0\n        protection: (%lu", zone.lowmem_reserve[0]);
    for (unsigned i = 1; i < mm::kZones; i++) out.print(", %lu", zone.lowmem_reserve[i]);
    out.write(")");
    if (zone.present == 0) return out.write("\n");
    show_zone_counts(out, zone);
    show_pagesets(out, zone);
    out.print("\n  vm stats threshold: 0\n  node_unreclaimable:  0\n  start_pfn:           %lu\n",
              zone.start.raw());
}

}  // namespace

Result<void> show_buddyinfo(SeqFile& out, void*) {
    mm::for_each_zone([&](Zone& zone) {
        print_zone_name(out, zone);
        out.write(" ");
        for (const u64 count : FreeCounts(zone).total) out.print("%6lu ", count);
        out.write("\n");
    });
    return {};
}

Result<void> show_pagetypeinfo(SeqFile& out, void*) {
    out.print("Page block order: %u\nPages per block:  %lu\n\n", mm::kPageblockOrder,
              mm::kPageblockPages);
    out.print("%-43s ", "Free pages count per migrate type at order");
    for (unsigned order = 0; order <= mm::kMaxOrder; order++) out.print("%6u ", order);
    out.write("\n");
    mm::for_each_zone([&](Zone& zone) { show_free_by_type(out, zone); });
    out.print("\n%-23s", "Number of blocks type ");
    for (const MigrateType type : kTypes) out.print("%12s ", mm::migrate_type_name(type));
    out.write("\n");
    mm::for_each_zone([&](Zone& zone) { show_pageblocks(out, zone); });
    return {};
}

Result<void> show_zoneinfo(SeqFile& out, void*) {
    mm::for_each_node([&](mm::Node& node) {
        bool is_first = true;
        for (const Zone& zone : node.zones) {
            show_zone(out, zone, is_first && zone.present > 0);
            is_first = is_first && zone.present == 0;
        }
    });
    return {};
}

}  // namespace procfs
