// LAB FILE (01-boot): from the firmware's memory map to memblock.
//
// Firmware maps are not tidy: entries come in any order, overlap, are empty, or reach beyond the
// end of the address space; types are invented as time goes by. The rule that is always safe: RAM
// is what a usable entry covers and no other entry claims.

#include "arch/boot_info.h"
#include "arch/layout.h"
#include "lib/lab.h"

namespace arch {

constinit Memblock memblock;

namespace {

/// LAB boot, task 3 "Memory" (handouts/01-boot.md). Write the body.
///   Before  `entry` is as the firmware wrote it.
///   After   the result is [start, end) of the entry, `end` cut at the end of the address space
///           if start + length overflows; empty (start == end) if the length is 0.
///   Use     plain arithmetic; the largest u64 stands for the end of the address space.
///   Check   `make grade LAB=boot T=memory`
///   Think   what would a wrapped end make of the comparison `at < end`?
[[maybe_unused]] PhysRange range_of(const MemoryMapEntry& entry) {
#ifdef SOLVED_BOOT
    const u64 end = entry.start + entry.length;
    if (end < entry.start) return {entry.start, ~u64{0}};
    return {entry.start, end};
#else
    lab_todo("boot", "range_of");
#endif
}

/// LAB boot, task 3 "Memory" (handouts/01-boot.md). Write the body.
///   Before  `memory` is empty.
///   After   `memory` holds whole pages of RAM: what usable entries cover (rounded inwards),
///           minus what entries of every other type touch (rounded outwards), whatever their
///           order. Nothing at or above kMaxPhys.
///   Use     range_of(), memory.add(), memory.remove(), align_up(), align_down(), TRY().
///   Check   `make grade LAB=boot T=memory`
///   Think   why must all the removing come after all the adding?
Result<void> collect_ram(const BootInfo& info, RangeList& memory) {
#ifdef SOLVED_BOOT
    const std::span entries(info.map, info.map_count);
    for (const MemoryMapEntry& entry : entries) {
        if (entry.type != static_cast<u32>(MemoryType::Usable)) continue;
        const PhysRange range = range_of(entry);
        if (range.start > ~u64{0} - kPageSize) continue;
        TRY(memory.add(align_up(range.start, kPageSize), align_down(range.end, kPageSize)));
    }
    for (const MemoryMapEntry& entry : entries) {
        if (entry.type == static_cast<u32>(MemoryType::Usable)) continue;
        const PhysRange range = range_of(entry);
        if (range.start == range.end) continue;
        const u64 end = range.end > ~u64{0} - kPageSize ? ~u64{0} : align_up(range.end, kPageSize);
        TRY(memory.remove(align_down(range.start, kPageSize), end));
    }
    return memory.remove(kMaxPhys.raw(), ~u64{0});
#else
    lab_todo("boot", "collect_ram");
#endif
}

}  // namespace

Result<void> memory_map_to_memblock(const BootInfo& info, PhysRange kernel, Memblock& out) {
    TRY(collect_ram(info, out.memory));
    // The first 64 KiB: the firmware's vectors and data, frame 0 whose address looks like null,
    // and the page on which the other processors start.
    TRY(out.reserved.add(0, 0x1'0000));
    TRY(out.reserved.add(kernel.start, align_up(kernel.end, kPageSize)));
    if (info.initrd_bytes > 0) {
        const PhysRange initrd{info.initrd_start, info.initrd_start + info.initrd_bytes};
        if (initrd.end < initrd.start) return EINVAL;
        if (initrd.start < kernel.end && kernel.start < initrd.end) return EEXIST;
        TRY(out.reserved.add(align_down(initrd.start, kPageSize), align_up(initrd.end, kPageSize)));
    }
    return {};
}

}  // namespace arch
