// Pages, and areas of the vmalloc region.

#include "arch/kasan_map.h"
#include "core/kasan/shadow.h"
#include "core/lock/spin_lock.h"
#include "mm/kasan.h"
#include "mm/page_table.h"

namespace mm {

void kasan_hooks::alloc_pages(Page& page, unsigned order) {
    kasan::unpoison(bytes_of(page), kPageSize << order);
}

void kasan_hooks::free_pages(Page& page, unsigned order) {
    kasan::poison(bytes_of(page), kPageSize << order, kasan::Poison::PageFree);
}

void kasan_hooks::poison_large(const void* memory, usize bytes, usize room) {
    const u8* const start = static_cast<const u8*>(memory);
    const usize whole = align_up(bytes, kasan::kGranule);
    kasan::unpoison(start, bytes);
    kasan::poison(start + whole, room - whole, kasan::Poison::PageRedzone);
}

void kasan_hooks::unpoison(const void* at, usize bytes) { kasan::unpoison(at, bytes); }

namespace {

constinit SpinLock map_lock{"kasan_map", LockRank::Vmalloc};

Result<PhysAddr> alloc_frame() { return phys_of(*TRY(alloc_page(Gfp::Atomic | Gfp::Zero))); }

}  // namespace

Result<void> kasan_hooks::map_area(VirtAddr start, VirtAddr end) {
    const void* const first = reinterpret_cast<void*>(start.raw());
    const void* const last = reinterpret_cast<void*>(end.raw() - 1);
    u64 page = align_down(reinterpret_cast<u64>(kasan::shadow_of(first)), kPageSize);
    for (; page <= reinterpret_cast<u64>(kasan::shadow_of(last)); page += kPageSize) {
        IrqGuard guard(map_lock);
        TRY(arch::map_shadow_page(kernel_page_table(), VirtAddr(page), u8(kasan::Poison::Vmalloc),
                                  alloc_frame));
    }
    return {};
}

void kasan_hooks::unmap_area(VirtAddr start, VirtAddr end) {
    kasan::poison(reinterpret_cast<void*>(start.raw()), end - start, kasan::Poison::Vmalloc);
}

}  // namespace mm
