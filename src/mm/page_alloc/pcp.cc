// Per-processor page lists. Linux: rmqueue_bulk(), free_pcppages_bulk() in mm/page_alloc.c.

#include "mm/page_alloc/pcp.h"

#include <bit>

namespace mm {

/// Whole blocks, the largest first: neighbours in memory go to one processor, and so probably to
/// one owner, who frees them together. (Pages one by one out of the smallest blocks would be
/// scattered, and never again become one block.)
void PerCpuPages::refill(Zone& zone, MigrateType type) {
    unsigned order = unsigned(std::bit_width(batch)) - 1;
    for (u32 got = 0; got < batch;) {
        Page* block = order > 0 ? zone.rmqueue_smallest(order, type) : zone.rmqueue(0, type);
        if (block == nullptr && order == 0) return;
        if (block == nullptr) {
            order--;
            continue;
        }
        for (Page* page = block; page < block + (u64{1} << order); page++) add(*page, type);
        got += 1u << order;
    }
}

void PerCpuPages::add(Page& page, MigrateType type) {
    page.flags.store(kPagePcp, std::memory_order_relaxed);
    page.map_count.store(0, std::memory_order_relaxed);
    page.order = 0;
    lists[static_cast<u8>(type)].push_back(page);
    count++;
}

void PerCpuPages::drain(Zone& zone, u32 keep) {
    for (unsigned type = 0; count > keep; type = (type + 1) % kPcpTypes) {
        Page* page = lists[type].pop_back();
        if (page == nullptr) continue;
        page->flags.store(0, std::memory_order_relaxed);
        count--;
        zone.free_one_page(zone.frame_of(*page), 0);
    }
}

void size_pageset(PerCpuPages& pcp, u64 managed, unsigned cpus) {
    const u64 share = managed / 8 / cpus;
    u64 batch = std::min(managed / 512, u64{32});
    if (batch < 1) batch = 1;
    pcp.batch = u16(std::bit_floor(batch));
    pcp.high = u16(std::min(u64{pcp.batch} * 4, share));
}

}  // namespace mm
