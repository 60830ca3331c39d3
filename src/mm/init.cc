// From memblock to the page allocator.
//
// The page array is mapped for whole stretches of the largest block (4 MiB of RAM, 64 KiB of
// array), so that the buddy system may look at any buddy without asking whether it exists: the
// Page of a hole is all zeros, which means "not free".

#include "mm/init.h"

#include "core/log/panic.h"
#include "core/log/printk.h"
#include "lib/string.h"
#include "mm/page_table.h"
#include "mm/zone.h"

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

/// Hands [start, end) to the allocator, in blocks as large as alignment and zones allow.
void free_range(u64 start, u64 end) {
    Pfn at(start / kPageSize);
    const Pfn stop(end / kPageSize);
    while (at < stop) {
        Zone& zone = zones[zone_index_of(at)];
        unsigned order = kMaxOrder;
        while (!is_aligned(at.raw(), u64{1} << order) || at + (u64{1} << order) > stop ||
               at + (u64{1} << order) > zone.end) {
            order--;
        }
        IrqGuard guard(zone.lock);
        zone.managed += u64{1} << order;
        zone.free_one_page(at, order);
        at += u64{1} << order;
    }
}

void mark_reserved(const Memblock& memblock) {
    for (const PhysRange& taken : memblock.reserved.ranges()) {
        for (u64 at = taken.start; at < taken.end; at += kPageSize) {
            if (!ram.contains(at, at + kPageSize)) continue;
            page_of(::pfn_of(PhysAddr(at))).set(kPageReserved);
        }
    }
}

/// The reserve that only atomic allocations may touch: as Linux, 4 * sqrt(KiB), spread by size.
void set_watermarks() {
    const u64 total = total_pages();
    u64 root = 1;
    while (root * root < total * 4) root++;
    const u64 reserve = root;  // 4 * sqrt(KiB of memory) KiB = sqrt(KiB) pages
    for (Zone& zone : zones) {
        zone.watermark_min = total > 0 ? reserve * zone.managed / total / 4 : 0;
    }
}

}  // namespace

void init(Memblock& memblock) {
    ram = memblock.memory;
    if (!map_page_array(memblock).ok()) panic("memory is too small for the page array");
    init_per_cpu_pages();
    mark_reserved(memblock);
    memblock.for_each_free([](u64 start, u64 end) {
        free_range(align_up(start, kPageSize), align_down(end, kPageSize));
    });
    set_watermarks();
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
    return count;
}

std::span<const PhysRange> ram_ranges() { return ram.ranges(); }

bool has_page(Pfn pfn) {
    const u64 at = start_of(pfn).raw();
    return ram.contains(at, at + kPageSize);
}

}  // namespace mm
