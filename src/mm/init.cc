// From memblock to the page allocator.
//
// The page array is mapped for whole stretches of the largest block (4 MiB of RAM, 64 KiB of
// array), so that the buddy system may look at any buddy without asking whether it exists: the
// Page of a hole is all zeros, which means "not free".

#include "mm/init.h"

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "lib/string.h"
#include "mm/kasan.h"
#include "mm/page_alloc/internal.h"
#include "mm/page_poison.h"
#include "mm/page_table.h"
#include "mm/slab.h"

namespace mm {

namespace {

constexpr u64 kStretch = kPageSize << kMaxOrder;
constinit RangeList ram;

Result<PhysAddr> boot_page(Memblock& memblock) {
    const PhysAddr frame = TRY(memblock.alloc(kPageSize, kPageSize));
    memset(arch::phys_to_virt(frame), 0, kPageSize);
    return frame;
}

/// walk() with tables from memblock.
Result<Pte*> boot_walk(Memblock& memblock, VirtAddr va) {
    PageTable* table = &kernel_page_table();
    for (unsigned level = arch::kLevels - 1; level > 0; level--) {
        const unsigned shift = kPageShift + level * arch::kIndexBits;
        Pte& entry = table->entry[va.raw() >> shift & (arch::kEntries - 1)];
        if (!entry.present()) {
            entry = Pte::to(::pfn_of(TRY(boot_page(memblock))), Pte::kPresent | Pte::kWritable);
        }
        table = arch::phys_to_virt<PageTable>(start_of(entry.pfn()));
    }
    return &table->entry[va.raw() >> kPageShift & (arch::kEntries - 1)];
}

Result<void> map_page_array(Memblock& memblock) {
    constexpr u64 kFlags = Pte::kPresent | Pte::kWritable | Pte::kAccessed | Pte::kDirty |
                           Pte::kNoExecute | Pte::kGlobal;
    for (const PhysRange& range : ram.ranges()) {
        const u64 first = align_down(range.start, kStretch) / kPageSize * sizeof(Page);
        const u64 last = align_up(range.end, kStretch) / kPageSize * sizeof(Page);
        for (u64 at = first; at < last; at += kPageSize) {
            Pte& entry = *TRY(boot_walk(memblock, arch::kVmemmap + at));
            if (entry.present()) continue;  // shared with the range before
            entry = Pte::to(::pfn_of(TRY(boot_page(memblock))), kFlags);
        }
    }
    return {};
}

/// Hands frames of one zone to the allocator, in blocks as large as alignment allows.
void free_piece(Zone& zone, Pfn at, Pfn end) {
    IrqGuard guard(zone.lock);
    while (at < end) {
        unsigned order = kMaxOrder;
        while (!is_aligned(at.raw(), u64{1} << order) || at + (u64{1} << order) > end) order--;
        zone.managed += u64{1} << order;
        page_poison_free(page_of(at), order);
        kasan_free_pages(page_of(at), order);
        zone.free_one_page(at, order);
        at += u64{1} << order;
    }
}

void free_range(u64 start, u64 end) {
    for_each_piece(Pfn(align_up(start, kPageSize) >> kPageShift), Pfn(end >> kPageShift),
                   free_piece);
}

void mark_reserved(const Memblock& memblock) {
    for (const PhysRange& taken : memblock.reserved.ranges()) {
        for (u64 at = align_down(taken.start, kPageSize); at < taken.end; at += kPageSize) {
            if (!ram.contains(at, at + kPageSize)) continue;
            page_of(::pfn_of(PhysAddr(at))).set(kPageReserved);
        }
    }
}

}  // namespace

void init(Memblock& memblock, const NumaMap& numa) {
    ram = memblock.memory;
    if (!map_page_array(memblock).ok() || !create_nodes(memblock, ram, numa).ok()) {
        panic("memory is too small for the page array");
    }
    mark_reserved(memblock);
    memblock.for_each_free(free_range);
    build_zonelists();
    set_watermarks();
    print_nodes();
    kmem_cache_init();
    kasan_start();
    printk("Memory: %uK/%uK available", total_pages() * 4, ram.total() / 1024);
}

u64 free_reserved(PhysRange range) {
    u64 count = 0;
    for (u64 at = align_up(range.start, kPageSize); at + kPageSize <= range.end; at += kPageSize) {
        if (!ram.contains(at, at + kPageSize)) continue;
        Page& page = page_of(::pfn_of(PhysAddr(at)));
        if (!page.has(kPageReserved)) continue;
        page.clear(kPageReserved);
        free_range(at, at + kPageSize);
        count++;
    }
    set_watermarks();
    return count;
}

std::span<const PhysRange> ram_ranges() { return ram.ranges(); }

bool has_page(Pfn pfn) {
    const u64 at = start_of(pfn).raw();
    return ram.contains(at, at + kPageSize);
}

}  // namespace mm
