// vmalloc, vmap, ioremap: areas with something behind them. Linux: mm/vmalloc.c, mm/ioremap.c.

#include "mm/vmalloc.h"

#include "arch/layout.h"
#include "mm/kasan.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vmap.h"

namespace mm {

namespace {

u64 return_address(const void* of) { return reinterpret_cast<u64>(of); }

void put_all(std::span<Page* const> pages) {
    for (Page* page : pages) put_page(*page);
}

/// Fresh pages behind the whole area, some at a time.
Result<void> populate(VmapArea& area) {
    constexpr u64 kBatch = 32;
    Page* pages[kBatch];
    for (u64 at = 0; at < area.pages; at += kBatch) {
        const u64 wanted = std::min(kBatch, area.pages - at);
        for (u64 i = 0; i < wanted; i++) {
            Result<Page*> page = alloc_page(Gfp::Kernel | Gfp::Zero);
            if (!page.ok()) {
                put_all({pages, i});
                return ENOMEM;
            }
            pages[i] = page.value();
        }
        const u64 mapped = map_pages(area, at, {pages, wanted});
        if (mapped == wanted) continue;
        put_all({pages + mapped, wanted - mapped});  // the others go with the area
        return ENOMEM;
    }
    return {};
}

void* pointer_to(const VmapArea& area) { return reinterpret_cast<void*>(area.start); }

}  // namespace

Result<void*> vmalloc(usize bytes) {
    if (bytes > total_pages() * kPageSize) return ENOMEM;
    const u64 pages = align_up(bytes, kPageSize) >> kPageShift;
    VmapArea& area = *TRY(
        alloc_vmap_area(pages, VmapKind::Vmalloc, return_address(__builtin_return_address(0))));
    if (!populate(area).ok()) {
        free_vmap_area(area);
        return ENOMEM;
    }
    kasan_unpoison(pointer_to(area), bytes);
    return pointer_to(area);
}

void vfree(void* memory) {
    if (memory == nullptr) return;
    VmapArea* const area = find_vmap_area(VirtAddr(reinterpret_cast<u64>(memory)));
    ASSERT(area != nullptr);
    free_vmap_area(*area);
}

bool is_vmalloc_address(const void* at) {
    const VirtAddr address(reinterpret_cast<u64>(at));
    return address >= arch::kVmallocStart && address < arch::kVmallocEnd;
}

Result<void*> vmap(std::span<Page* const> pages) {
    VmapArea& area = *TRY(
        alloc_vmap_area(pages.size(), VmapKind::Vmap, return_address(__builtin_return_address(0))));
    if (map_pages(area, 0, pages) != pages.size()) {
        free_vmap_area(area);
        return ENOMEM;
    }
    kasan_unpoison(pointer_to(area), pages.size() * kPageSize);
    return pointer_to(area);
}

void vunmap(void* at) { vfree(at); }

Result<void*> ioremap(PhysAddr at, usize bytes) {
    const u64 offset = at.raw() & (kPageSize - 1);
    const u64 pages = align_up(bytes + offset, kPageSize) >> kPageShift;
    if (bytes == 0 || at.raw() + bytes < at.raw()) return EINVAL;
    VmapArea& area = *TRY(
        alloc_vmap_area(pages, VmapKind::Ioremap, return_address(__builtin_return_address(0))));
    area.phys = at - offset;
    if (!map_frames(area, ::pfn_of(at), Pte::kUncached | Pte::kWriteThrough).ok()) {
        free_vmap_area(area);
        return ENOMEM;
    }
    kasan_unpoison(pointer_to(area), pages * kPageSize);
    return reinterpret_cast<void*>(area.start + offset);
}

void iounmap(void* at) {
    vfree(reinterpret_cast<void*>(align_down(reinterpret_cast<u64>(at), kPageSize)));
}

}  // namespace mm
