// Which parts of memory the kernel maps how. The work is done by map_region(), early_map.cc.

#include "arch/kernel_map.h"
#include "arch/boot_info.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/kasan_map.h"
#include "arch/layout.h"
#include "arch/x86_64/boot/early_map.h"
#include "arch/x86_64/boot/sections.h"
#include "arch/x86_64/trap/espfix.h"
#include "lib/string.h"

namespace arch {

extern "C" constinit u64 kernel_cr3;

namespace {

Result<PhysAddr> alloc_table() {
    // Below 4 GiB: as long as the tables of boot.S are in use, the rest is not mapped.
    const PhysAddr frame = TRY(memblock.alloc(kPageSize, kPageSize, u64{4} << 30));
    memset(phys_to_virt(frame), 0, kPageSize);
    return frame;
}

Result<void> map_image(u64 start, u64 end, u64 flags) {
    const u64 bytes = align_up(end, kPageSize) - start;
    return map_region(kernel_pml4,
                      {VirtAddr(start), PhysAddr(start - kKernelBase.raw()), bytes, flags},
                      alloc_table);
}

Result<void> map_everything() {
    const u64 global = cpu_features.pge ? Pte::kGlobal : 0;
    const u64 read_only = Pte::kPresent | Pte::kAccessed | global | Pte::kNoExecute;
    const u64 executable = Pte::kPresent | Pte::kAccessed | global;
    const u64 writable = read_only | Pte::kWritable | Pte::kDirty;

    for (const PhysRange& ram : memblock.memory.ranges()) {
        TRY(map_region(kernel_pml4,
                       {kDirectMap + ram.start, PhysAddr(ram.start), ram.bytes(), writable},
                       alloc_table));
    }
    TRY(map_image(address_of(__text_start), address_of(__rodata_start), executable));
    TRY(map_image(address_of(__rodata_start), address_of(__data_start), read_only));
    TRY(map_image(address_of(__data_start), address_of(__init_begin), writable));
    TRY(map_image(address_of(__init_begin), address_of(__init_end), executable));
    TRY(map_image(address_of(__bss_start), address_of(__kernel_end), writable));
    // The entries for vmalloc and vmemmap exist from the start, so that every address space can
    // share them by copying the upper half of the top-level table.
    for (VirtAddr region : {kVmallocStart, kVmemmap}) {
        TRY(table_below(kernel_pml4.entry[table_index(region, 3)], alloc_table));
    }
    if constexpr (kKasan) TRY(map_shadow_of_memory(kernel_pml4, alloc_table));
    return map_espfix(kernel_pml4, alloc_table);
}

}  // namespace

void build_kernel_page_tables() {
    if (!map_everything().ok()) assert_failed("memory is too small for the kernel's page tables");
    kernel_cr3 = reinterpret_cast<u64>(&kernel_pml4) - kKernelBase.raw();
    write_cr3(kernel_cr3);
    if constexpr (kKasan) clear_early_shadow();
}

PageTable& kernel_page_table() { return kernel_pml4; }

void flush_tlb_all() {
    constexpr u64 kCr4Pge = 1 << 7;
    const bool irqs = irq_save();
    const u64 cr4 = read_cr4();
    if (cr4 & kCr4Pge) {
        write_cr4(cr4 & ~kCr4Pge);  // changing it flushes everything
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
    irq_restore(irqs);
}

void unmap_init_memory() {
    for (u64 at = address_of(__init_begin); at < address_of(__init_end); at += kPageSize) {
        PageTable* table = &kernel_pml4;
        for (unsigned level = kLevels - 1; level > 0; level--) {
            table = phys_to_virt<PageTable>(
                start_of(table->entry[table_index(VirtAddr(at), level)].pfn()));
        }
        table->entry[table_index(VirtAddr(at), 0)] = Pte{0};
    }
    flush_tlb_all();
}

PhysRange init_memory() {
    return {address_of(__init_begin) - kKernelBase.raw(),
            address_of(__init_end) - kKernelBase.raw()};
}

}  // namespace arch
