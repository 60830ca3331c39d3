// vmalloc: a map of the region's areas, sorted by address, and page tables behind it.
//
// An unmapped area's addresses are not used again at once: a processor may still have them in its
// TLB. They wait, and when enough have come together one flush on all processors frees them all.

#include "mm/vmalloc.h"

#include "arch/cpu.h"
#include "arch/kernel_map.h"
#include "core/irq/ipi.h"
#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "mm/own.h"
#include "mm/page_alloc.h"
#include "mm/page_table.h"

namespace mm {

namespace {

struct Area {
    VirtAddr start;
    u64 pages;       // mapped ones; an unmapped guard page stands before and behind
    bool is_device;  // the frames are not ours
    bool is_dead;    // unmapped, waiting for the flush
    u64 flush;       // the flush after which it goes; 0: not yet chosen
    ListLink link;

    VirtAddr end() const { return start + pages * kPageSize; }
};

constinit SpinLock lock{"vmalloc", LockRank::Vmalloc};
constinit List<Area, &Area::link> areas GUARDED_BY(lock);  // by address
constinit u64 dead_areas GUARDED_BY(lock) = 0;
constinit u64 flushes GUARDED_BY(lock) = 0;
constinit VirtAddr search_from GUARDED_BY(lock) = arch::kVmallocStart;

constexpr u64 kMaxDead = 64;

void flush_this_cpu(void*) { arch::flush_tlb_all(); }

/// Finds room behind `hint`: areas are sorted, so one pass finds the first gap.
Result<VirtAddr> find_gap(u64 pages, VirtAddr hint, Area*& before) REQUIRES(lock) {
    const u64 bytes = (pages + 1) * kPageSize;
    VirtAddr at = hint + kPageSize;
    before = nullptr;
    for (Area& area : areas) {
        if (area.end() + kPageSize <= at) continue;
        if (at + bytes <= area.start) {
            before = &area;
            return at;
        }
        at = area.end() + kPageSize;
    }
    if (at + bytes > arch::kVmallocEnd) return ENOMEM;
    return at;
}

Result<void> reserve(Area& area) {
    IrqGuard guard(lock);
    Area* before = nullptr;
    Result<VirtAddr> at = find_gap(area.pages, search_from, before);
    area.start = at.ok() ? at.value() : TRY(find_gap(area.pages, arch::kVmallocStart, before));
    search_from = area.end();
    if (before != nullptr) {
        areas.insert_before(*before, area);
    } else {
        areas.push_back(area);
    }
    return {};
}

Result<void> map_one(VirtAddr at, Pfn pfn, u64 flags) {
    IrqGuard guard(lock);
    Pte& entry = *TRY(walk(kernel_page_table(), at, Missing::Create));
    entry = Pte::to(pfn, flags | Pte::kPresent | Pte::kWritable | Pte::kAccessed | Pte::kDirty |
                             Pte::kGlobal | Pte::kNoExecute);
    return {};
}

void unmap(Area& area) {
    for (VirtAddr at = area.start; at < area.end(); at += kPageSize) {
        Result<Pte*> entry = walk(kernel_page_table(), at, Missing::Fail);
        if (!entry.ok() || !entry.value()->present()) continue;
        const Pfn pfn = entry.value()->pfn();
        *entry.value() = Pte{0};
        arch::invlpg(at);
        if (!area.is_device) put_page(page_of(pfn));
    }
}

}  // namespace

// The addresses are free once nobody can have them in a TLB: flush first, then take out of the list
// what was dead before the flush. The search goes back to them: page tables of the region are never
// freed, so it must not wander through it.
void purge_vmap_areas() {
    u64 flush;
    {
        IrqGuard guard(lock);
        flush = ++flushes;
        for (Area& area : areas) {
            if (area.is_dead && area.flush == 0) area.flush = flush;
        }
        dead_areas = 0;
    }
    flush_this_cpu(nullptr);
    irq::call_on_cpus(online_cpus.bits(), flush_this_cpu, nullptr);
    List<Area, &Area::link> gone;
    {
        IrqGuard guard(lock);
        for (Area* area = areas.front(); area != nullptr;) {
            Area* const next = areas.next(*area);
            if (area->flush == flush) {
                areas.remove(*area);
                gone.push_back(*area);
                if (area->start < search_from) search_from = area->start - kPageSize;
            }
            area = next;
        }
    }
    while (Area* area = gone.pop_front()) destroy(area);
}

namespace {

void release(Area& area) {
    unmap(area);
    bool full;
    {
        IrqGuard guard(lock);
        area.is_dead = true;
        full = ++dead_areas > kMaxDead;
    }
    if (full) purge_vmap_areas();
}

Area* find_area(VirtAddr start) {
    IrqGuard guard(lock);
    for (Area& area : areas) {
        if (area.start == start && !area.is_dead) return &area;
    }
    return nullptr;
}

Result<Area*> new_area(u64 pages, bool is_device) {
    Own<Area> area = TRY(make<Area>());
    area->pages = pages;
    area->is_device = is_device;
    area->is_dead = false;
    area->flush = 0;
    TRY(reserve(*area));
    return area.leak();
}

}  // namespace

Result<void*> vmalloc(usize bytes) {
    const u64 pages = align_up(bytes, kPageSize) >> kPageShift;
    if (pages == 0 || pages > total_pages()) return ENOMEM;
    Area& area = *TRY(new_area(pages, false));
    for (VirtAddr at = area.start; at < area.end(); at += kPageSize) {
        Result<Page*> page = alloc_page(Gfp::Kernel | Gfp::Zero);
        if (page.ok() && map_one(at, pfn_of(*page.value()), 0).ok()) continue;
        if (page.ok()) put_page(*page.value());
        release(area);
        return ENOMEM;
    }
    return reinterpret_cast<void*>(area.start.raw());
}

void vfree(void* memory) {
    if (memory == nullptr) return;
    Area* area = find_area(VirtAddr(reinterpret_cast<u64>(memory)));
    ASSERT(area != nullptr);
    release(*area);
}

Result<void*> ioremap(PhysAddr at, usize bytes) {
    const u64 offset = at.raw() & (kPageSize - 1);
    const u64 pages = align_up(bytes + offset, kPageSize) >> kPageShift;
    if (bytes == 0 || at.raw() + bytes < at.raw()) return EINVAL;
    Area& area = *TRY(new_area(pages, true));
    for (u64 i = 0; i < pages; i++) {
        const Pfn pfn = ::pfn_of(at) + i;
        if (!map_one(area.start + i * kPageSize, pfn, Pte::kUncached | Pte::kWriteThrough).ok()) {
            release(area);
            return ENOMEM;
        }
    }
    return reinterpret_cast<void*>(area.start.raw() + offset);
}

void iounmap(void* at) {
    vfree(reinterpret_cast<void*>(align_down(reinterpret_cast<u64>(at), kPageSize)));
}

}  // namespace mm
