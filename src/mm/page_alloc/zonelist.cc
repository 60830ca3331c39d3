// Which zone an allocation is served from. Linux: get_page_from_freelist(), rmqueue(),
// __zone_watermark_ok() in mm/page_alloc.c.

#include "core/irq/ipi.h"
#include "mm/page_alloc/internal.h"

namespace mm {

namespace {

/// The first page of this processor's list of `type`, which is filled if it is empty.
Page* rmqueue_pcplist(Zone& zone, MigrateType type) {
    IrqOffGuard guard;
    PerCpuPages& pcp = zone.pageset[cpu_id()];
    auto& list = pcp.lists[static_cast<u8>(type)];
    if (list.empty()) {
        IrqGuard locked(zone.lock);
        pcp.refill(zone, type);
    }
    Page* page = list.pop_front();
    if (page != nullptr) pcp.count--;
    return page;
}

Page* rmqueue_block(Zone& zone, const AllocContext& wanted) {
    IrqGuard guard(zone.lock);
    Page* page = nullptr;
    if (wanted.is_atomic()) page = zone.rmqueue_smallest(wanted.order, MigrateType::HighAtomic);
    if (page == nullptr) page = zone.rmqueue(wanted.order, wanted.type);
    if (page != nullptr && wanted.is_atomic()) zone.reserve_highatomic_pageblock(*page);
    return page;
}

/// Notes who got what he wanted.
void count_numa(Zone& zone, const AllocContext& wanted) {
    IrqOffGuard guard;
    const unsigned cpu = cpu_id();
    PerCpuPages& taken = zone.pageset[cpu];
    if (zone.node == &wanted.preferred) {
        taken.hits++;
        if (wanted.interleaves) taken.interleaved++;
    } else {
        taken.misses++;
        wanted.preferred.zonelist[wanted.highest][0]->pageset[cpu].foreign++;
    }
    if (zone.node != &local_node()) taken.others++;
}

/// The lock is not taken: the answer may be old when it is told, and that is good enough.
bool has_block(const Zone& zone, const AllocContext& wanted) NO_LOCK_ANALYSIS {
    if (wanted.order == 0) return true;
    for (unsigned order = wanted.order; order <= kMaxOrder; order++) {
        const FreeArea& area = zone.free_area[order];
        for (unsigned type = 0; type < kPcpTypes; type++) {
            if (area.nr_free[type] > 0) return true;
        }
        if (wanted.is_atomic() && !area.is_empty(MigrateType::HighAtomic)) return true;
    }
    return false;
}

}  // namespace

bool zone_watermark_ok(const Zone& zone, const AllocContext& wanted,
                       Watermark mark) NO_LOCK_ANALYSIS {
    u64 reserve = 0;
    if (!has(wanted.gfp, Gfp::MemAlloc)) {
        reserve = zone.watermark[mark];
        if (has(wanted.gfp, Gfp::High)) reserve -= reserve / 2;
        if (wanted.is_atomic()) reserve -= reserve / 4;
        reserve += zone.lowmem_reserve[wanted.highest];
        if (!wanted.is_atomic()) reserve += zone.nr_reserved_highatomic;
    }
    return zone.free_pages_now() >= reserve + (u64{1} << wanted.order) && has_block(zone, wanted);
}

bool zone_watermark_ok(Zone& zone, unsigned order, Watermark mark) {
    return zone_watermark_ok(zone, AllocContext(Gfp::Kernel, order, *zone.node), mark);
}

Page* get_page_from_freelist(const AllocContext& wanted, Watermark mark) {
    for (Zone** at = wanted.preferred.zonelist[wanted.highest]; *at != nullptr; at++) {
        Zone& zone = **at;
        if (!(wanted.nodes >> zone.node->id & 1)) continue;
        if (!zone_watermark_ok(zone, wanted, mark)) continue;
        Page* page =
            wanted.order == 0 ? rmqueue_pcplist(zone, wanted.type) : rmqueue_block(zone, wanted);
        if (page == nullptr) continue;
        count_numa(zone, wanted);
        return page;
    }
    return nullptr;
}

void NumaCounts::add(const Zone& zone) {
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        const PerCpuPages& pcp = zone.pageset[cpu];
        hit += pcp.fast + pcp.hits;
        miss += pcp.misses;
        foreign += pcp.foreign;
        interleave += pcp.interleaved;
        local += pcp.fast + pcp.hits + pcp.misses - pcp.others;
        other += pcp.others;
    });
}

NumaCounts numa_counts() {
    NumaCounts sum;
    for_each_zone([&](Zone& zone) { sum.add(zone); });
    return sum;
}

u64 fast_allocations(unsigned zone_index) {
    u64 sum = 0;
    for_each_node([&](Node& node) {
        const Zone& zone = node.zones[zone_index];
        if (zone.present == 0) return;
        for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += zone.pageset[cpu].fast; });
    });
    return sum;
}

void drain_local_pages() {
    IrqOffGuard guard;
    for_each_zone([](Zone& zone) {
        IrqGuard locked(zone.lock);
        zone.pageset[cpu_id()].drain(zone, 0);
    });
}

void drain_all_pages() {
    irq::on_each_cpu([](void*) { drain_local_pages(); }, nullptr);
}

}  // namespace mm
