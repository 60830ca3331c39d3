// alloc_pages() and free_pages(): which zone, the per-processor lists in front, what to do when
// there is nothing. The buddy system itself is in zone.cc.

#include "mm/page_alloc.h"

#include "core/log/printk.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "lib/string.h"
#include "mm/mm_trace.h"
#include "mm/zone.h"

namespace mm {

namespace {

/// Single frames that only this processor takes and gives, so that the common case needs no lock.
struct PerCpuPages {
    static constexpr u32 kBatch = 32;
    static constexpr u32 kHigh = 96;
    List<Page, &Page::link> pages;
    u32 count = 0;
};
struct AllPerCpuPages {
    PerCpuPages zone[kZones];
};
PER_CPU AllPerCpuPages per_cpu_pages{};

constinit Shrinker* shrinkers = nullptr;

unsigned highest_zone(Gfp gfp) { return has(gfp, Gfp::Dma) ? 0 : has(gfp, Gfp::Dma32) ? 1 : 2; }

/// Moves a batch from the zone to this processor's list. Interrupts are off.
void refill(PerCpuPages& pcp, Zone& zone, Gfp gfp) {
    IrqGuard guard(zone.lock);
    for (u32 i = 0; i < PerCpuPages::kBatch; i++) {
        if (!has(gfp, Gfp::Atomic) && zone.free_pages <= zone.watermark_min) return;
        Page* page = zone.take(0);
        if (page == nullptr) return;
        page->set(kPagePcp);
        pcp.pages.push_back(*page);
        pcp.count++;
    }
}

void drain(PerCpuPages& pcp, Zone& zone, u32 keep) {
    IrqGuard guard(zone.lock);
    while (pcp.count > keep) {
        Page& page = *pcp.pages.pop_front();
        page.clear(kPagePcp);
        pcp.count--;
        zone.free_one_page(pfn_of(page), 0);
    }
}

Page* take_single(unsigned zone_index, Gfp gfp) {
    IrqOffGuard guard;
    PerCpuPages& pcp = this_cpu(per_cpu_pages).zone[zone_index];
    if (pcp.count == 0) refill(pcp, zones[zone_index], gfp);
    if (pcp.count == 0) return nullptr;
    pcp.count--;
    Page* page = pcp.pages.pop_front();
    page->clear(kPagePcp);
    return page;
}

Page* take_block(unsigned zone_index, unsigned order, Gfp gfp) {
    Zone& zone = zones[zone_index];
    IrqGuard guard(zone.lock);
    const u64 reserve = has(gfp, Gfp::Atomic) ? 0 : zone.watermark_min;
    if (zone.free_pages < reserve + (u64{1} << order)) return nullptr;
    return zone.take(order);
}

Page* try_zones(Gfp gfp, unsigned order) {
    for (int z = int(highest_zone(gfp)); z >= 0; z--) {
        if (zones[z].managed == 0) continue;
        Page* page =
            order == 0 ? take_single(unsigned(z), gfp) : take_block(unsigned(z), order, gfp);
        if (page != nullptr) return page;
    }
    return nullptr;
}

/// Single frames waiting on this processor may be all that keeps a large block from forming.
void drain_this_cpu() {
    IrqOffGuard guard;
    for (unsigned z = 0; z < kZones; z++) {
        if (zones[z].managed > 0) drain(this_cpu(per_cpu_pages).zone[z], zones[z], 0);
    }
}

Page* reclaim_and_retry(Gfp gfp, unsigned order) {
    for (unsigned tries = 0; tries < 3; tries++) {
        u64 freed = 0;
        if (!has(gfp, Gfp::Atomic) && may_sleep()) {
            for (Shrinker* s = shrinkers; s != nullptr; s = s->next) freed += s->shrink(64);
        }
        drain_this_cpu();
        if (Page* page = try_zones(gfp, order)) return page;
        if (freed == 0) break;
    }
    return nullptr;
}

}  // namespace

/// The lists of the per-CPU areas are copies of a template, and a list's head points to itself.
void init_per_cpu_pages() {
    for_each_cpu(possible_cpus,
                 [](unsigned cpu) { new (&per_cpu(per_cpu_pages, cpu)) AllPerCpuPages(); });
}

Result<Page*> alloc_pages(Gfp gfp, unsigned order) {
    if (order > kMaxOrder) return ENOMEM;
    Page* page = try_zones(gfp, order);
    if (page == nullptr) [[unlikely]] {
        page = reclaim_and_retry(gfp, order);
        if (page == nullptr) {
            if (!has(gfp, Gfp::NoWarn)) {
                printk(Level::Warning, "page allocation failure: order %u, gfp %#x", order,
                       static_cast<u32>(gfp));
            }
            return ENOMEM;
        }
    }
    page->ref_count.store(1, std::memory_order_relaxed);
    page->map_count.store(0, std::memory_order_relaxed);
    page->flags.store(0, std::memory_order_relaxed);
    page->mapping = nullptr;
    page->order = u8(order);
    if (has(gfp, Gfp::Zero)) memset(bytes_of(*page), 0, kPageSize << order);
    trace::point(MmPageAlloc{
        .pfn = pfn_of(*page).raw(), .order = order, .gfp_flags = static_cast<u32>(gfp)});
    return page;
}

void free_pages(Page& page, unsigned order) {
    ASSERT(page.ref_count.load(std::memory_order_relaxed) <= 1);
    ASSERT(!page.has(kPageBuddy) && !page.has(kPagePcp) && !page.has(kPageReserved));
    trace::point(MmPageFree{.pfn = pfn_of(page).raw(), .order = order});
    page.ref_count.store(0, std::memory_order_relaxed);
    page.flags.store(0, std::memory_order_relaxed);
    const unsigned z = zone_index_of(pfn_of(page));
    if (order > 0) {
        IrqGuard guard(zones[z].lock);
        zones[z].free_one_page(pfn_of(page), order);
        return;
    }
    IrqOffGuard guard;
    PerCpuPages& pcp = this_cpu(per_cpu_pages).zone[z];
    page.set(kPagePcp);
    pcp.pages.push_front(page);
    if (++pcp.count > PerCpuPages::kHigh) {
        drain(pcp, zones[z], PerCpuPages::kHigh - PerCpuPages::kBatch);
    }
}

void put_page(Page& page) {
    const u32 before = page.ref_count.fetch_sub(1, std::memory_order_acq_rel);
    ASSERT(before != 0);
    if (before == 1) free_pages(page, 0);
}

u64 total_pages() {
    u64 sum = 0;
    for (const Zone& zone : zones) sum += zone.managed;
    return sum;
}

u64 free_page_count() NO_LOCK_ANALYSIS {  // a snapshot; nobody can want more
    u64 sum = 0;
    for (const Zone& zone : zones) sum += zone.free_pages;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        for (const PerCpuPages& pcp : per_cpu(per_cpu_pages, cpu).zone) sum += pcp.count;
    });
    return sum;
}

void register_shrinker(Shrinker& shrinker) {
    shrinker.next = shrinkers;
    shrinkers = &shrinker;
}

}  // namespace mm
