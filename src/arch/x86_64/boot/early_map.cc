// LAB FILE (01-boot): the kernel's page tables.
//
// The tables of boot.S map everything writable and executable. These replace them: all RAM in the
// direct map, never executable; the kernel image part by part, nothing both writable and
// executable. Later mappings (vmalloc, vmemmap, devices) are added by mm/.

#include "arch/x86_64/boot/early_map.h"
#include "arch/boot_info.h"
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "lib/lab.h"
#include "lib/string.h"

namespace arch {

alignas(kPageSize) constinit PageTable kernel_pml4{};
extern "C" {
constinit u64 kernel_cr3 = 0;
}

/// LAB boot, task 4 "Page tables" (handouts/01-boot.md). Write the body.
///   Before  `table` is a table of `level` (3: the top one, 0: the one whose entries map 4 KiB).
///   After   the result is the index of the entry that translates `va` in it.
///   Use     kPageShift, kIndexBits, kEntries.
///   Check   `make grade LAB=boot T=pagetable`
///   Think   the low 12 bits of `va` do not appear. Where do they go?
unsigned table_index(VirtAddr va, unsigned level) {
#ifdef SOLVED_BOOT
    return va.raw() >> (kPageShift + level * kIndexBits) & (kEntries - 1);
#else
    lab_todo("boot", "table_index");
#endif
}

/// LAB boot, task 4 "Page tables" (handouts/01-boot.md). Write the body.
///   Before  `entry` is an entry of a table of level 1, 2 or 3, absent or leading to a table.
///   After   it leads to a table, which is returned; a new one is all zeros. Intermediate entries
///           are present and writable: only the last one restricts. ENOMEM from `alloc`.
///   Use     alloc() for a zeroed frame, Pte::to(), pfn_of(), phys_to_virt<PageTable>().
///   Check   `make grade LAB=boot T=pagetable`
///   Think   why may these entries grant every right?
Result<PageTable*> table_below(Pte& entry, TableAlloc alloc) {
#ifdef SOLVED_BOOT
    if (!entry.present()) {
        const PhysAddr frame = TRY(alloc());
        entry = Pte::to(pfn_of(frame), Pte::kPresent | Pte::kWritable);
    }
    return phys_to_virt<PageTable>(start_of(entry.pfn()));
#else
    lab_todo("boot", "table_below");
#endif
}

/// LAB boot, task 4 "Page tables" (handouts/01-boot.md). Write the body.
///   Before  `va`, `pa` and `bytes` are multiples of 4 KiB, and nothing is mapped there yet.
///   After   [va, va + bytes) translates to [pa, pa + bytes) with `flags` in every last entry.
///           Pages of 2 MiB (an entry of level 1 with Pte::kLarge) are used wherever both
///           addresses are multiples of 2 MiB and that much is left; else pages of 4 KiB.
///           ENOMEM from `alloc`: what was mapped so far stays.
///   Use     table_index(), table_below(), Pte::to(), is_aligned(), TRY().
///   Check   `make grade LAB=boot T=pagetable`
///   Think   what does a 2 MiB page save, besides 4 KiB of table? (Look up "TLB reach".)
Result<void> map_region(PageTable& root, const Mapping& m, TableAlloc alloc) {
#ifdef SOLVED_BOOT
    for (u64 done = 0; done < m.bytes;) {
        const VirtAddr va = m.va + done;
        const PhysAddr pa = m.pa + done;
        const bool large =
            is_aligned(va.raw() | pa.raw(), kLargePage) && m.bytes - done >= kLargePage;
        PageTable* table = &root;
        for (unsigned level = kLevels - 1; level > (large ? 1 : 0); level--) {
            table = TRY(table_below(table->entry[table_index(va, level)], alloc));
        }
        table->entry[table_index(va, large ? 1 : 0)] =
            Pte::to(pfn_of(pa), m.flags | (large ? Pte::kLarge : 0));
        done += large ? kLargePage : kPageSize;
    }
    return {};
#else
    lab_todo("boot", "map_region");
#endif
}

}  // namespace arch
