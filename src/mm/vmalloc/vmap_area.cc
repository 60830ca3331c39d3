// Areas of the vmalloc region, and what becomes of those that are freed.
//
// A freed area is unmapped at once, but processors may still have it in their TLB, so its address
// must not be used again yet. It stays in the map, dead; when enough have come together, one flush
// on all processors frees them all. Linux: lazy purging in mm/vmalloc.c.

#include "arch/kernel_map.h"
#include "core/irq/ipi.h"
#include "mm/kasan.h"
#include "mm/slab.h"
#include "mm/vmalloc/vmap.h"

namespace mm {

namespace {

constinit SpinLock lock{"vmap_area", LockRank::Vmalloc};
constinit VmapSpace space GUARDED_BY(lock){arch::kVmallocStart.raw() + kPageSize,
                                           arch::kVmallocEnd.raw()};
constinit List<VmapArea, &VmapArea::link> dead GUARDED_BY(lock);
constinit u64 dead_areas GUARDED_BY(lock) = 0;
constinit u64 dead_pages GUARDED_BY(lock) = 0;

constinit KmemCache area_cache("vmap_area", sizeof(VmapArea), alignof(VmapArea));

// One flush empties every TLB, so it should be worth it.
constexpr u64 kMaxDeadAreas = 64;
constexpr u64 kMaxDeadPages = 4096;

void flush_this_cpu(void*) { arch::flush_tlb_all(); }

bool reserve(VmapArea& area) {
    IrqGuard guard(lock);
    return space.reserve(area, (area.pages + 1) * kPageSize);
}

/// Whether it is time for a flush.
bool bury(VmapArea& area) {
    IrqGuard guard(lock);
    area.is_dead = true;
    dead.push_back(area);
    dead_areas++;
    dead_pages += area.pages;
    return dead_areas > kMaxDeadAreas || dead_pages > kMaxDeadPages;
}

/// Its address comes back after a flush: now, if it is time.
void retire(VmapArea& area) {
    if (bury(area) && arch::irqs_on()) purge_vmap_areas();
}

}  // namespace

Result<VmapArea*> alloc_vmap_area(u64 pages, VmapKind kind, u64 caller) {
    constexpr u64 kMost = (arch::kVmallocEnd.raw() - arch::kVmallocStart.raw()) / kPageSize;
    if (pages == 0 || pages >= kMost) return ENOMEM;
    auto* const area = new (TRY(area_cache.alloc(Gfp::Kernel))) VmapArea;
    area->pages = pages;
    area->kind = kind;
    area->caller = caller;
    bool found = reserve(*area);
    if (!found) {
        purge_vmap_areas();
        found = reserve(*area);
    }
    if (!found) {
        area->~VmapArea();
        area_cache.free(area);
        return ENOMEM;
    }
    if (!kasan_map_area(area->at(0), area->at(pages)).ok()) {
        retire(*area);
        return ENOMEM;
    }
    return area;
}

VmapArea* find_vmap_area(VirtAddr start) {
    IrqGuard guard(lock);
    auto* const area = static_cast<VmapArea*>(space.find(start.raw()));
    return area != nullptr && !area->is_dead ? area : nullptr;
}

void free_vmap_area(VmapArea& area) {
    kasan_unmap_area(area.at(0), area.at(area.pages));
    unmap_pages(area);
    retire(area);
}

void purge_vmap_areas() {
    List<VmapArea, &VmapArea::link> gone;
    {
        IrqGuard guard(lock);
        while (VmapArea* const area = dead.pop_front()) gone.push_back(*area);
        dead_areas = dead_pages = 0;
    }
    if (gone.empty()) return;
    irq::on_each_cpu(flush_this_cpu, nullptr);
    while (VmapArea* const area = gone.pop_front()) {
        {
            IrqGuard guard(lock);
            space.release(*area);
        }
        area->~VmapArea();
        area_cache.free(area);
    }
}

bool next_vmap_area(VirtAddr from, VmapInfo& out) {
    IrqGuard guard(lock);
    const auto* area = static_cast<VmapArea*>(space.first_from(from.raw()));
    if (area == nullptr) return false;
    out = {.start = VirtAddr(area->start),
           .bytes = area->size,
           .pages = area->pages,
           .kind = area->kind,
           .is_dead = area->is_dead,
           .caller = area->caller,
           .phys = area->phys};
    return true;
}

}  // namespace mm
