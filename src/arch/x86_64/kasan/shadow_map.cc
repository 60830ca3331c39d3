// The page tables of the shadow. See README.md. Nothing here is instrumented.

#include "arch/boot_info.h"
#include "arch/cpu.h"
#include "arch/kasan_map.h"
#include "arch/layout.h"
#include "arch/x86_64/boot/early_map.h"
#include "arch/x86_64/boot/sections.h"
#include "lib/string.h"

extern "C" arch::PageTable early_pml4;

namespace arch {

namespace {

constexpr u64 kTableFlags = Pte::kPresent | Pte::kWritable;
constexpr u64 kLeafFlags =
    Pte::kPresent | Pte::kWritable | Pte::kAccessed | Pte::kDirty | Pte::kNoExecute;

/// Of each level one that all share: [3] the page, [2] leaf table, [1] and [0] those above.
alignas(kPageSize) constinit PageTable shared[4]{};

Pfn pfn_of_shared(unsigned which) {
    return ::pfn_of(PhysAddr(reinterpret_cast<u64>(&shared[which]) - kKernelBase.raw()));
}

void fill(PageTable& table, Pte with) {
    for (Pte& entry : table.entry) entry = with;
}

/// The early one must not call what is instrumented: there is no shadow yet.
void share_from(PageTable& root) {
    constexpr u64 kFirst = kShadowStart.raw() >> 39 & 511, kEnd = kShadowEnd.raw() >> 39 & 511;
    for (u64 i = kFirst; i < kEnd; i++) root.entry[i] = Pte::to(pfn_of_shared(0), kTableFlags);
}

using Alloc = Result<PhysAddr> (*)();

/// The table below `entry`, which is not shared any more.
Result<PageTable*> own_table(Pte& entry, unsigned which, Alloc alloc) {
    if (entry.pfn() == pfn_of_shared(which)) {
        const PhysAddr frame = TRY(alloc());
        memcpy(phys_to_virt(frame), &shared[which], sizeof(PageTable));
        entry = Pte::to(::pfn_of(frame), kTableFlags);
    }
    return phys_to_virt<PageTable>(start_of(entry.pfn()));
}

constexpr u64 shadow_of(u64 at) { return (at >> 3) + kShadowOffset; }

Result<void> map_shadow_of(PageTable& root, u64 start, u64 end, Alloc alloc) {
    const u64 last = align_up(shadow_of(end), kPageSize);
    for (u64 at = align_down(shadow_of(start), kPageSize); at < last; at += kPageSize) {
        TRY(map_shadow_page(root, VirtAddr(at), 0, alloc));
    }
    return {};
}

}  // namespace

void map_early_shadow_tables() {
    fill(shared[2], Pte::to(pfn_of_shared(3), kLeafFlags));
    fill(shared[1], Pte::to(pfn_of_shared(2), kTableFlags));
    fill(shared[0], Pte::to(pfn_of_shared(1), kTableFlags));
    share_from(early_pml4);
}

Result<bool> map_shadow_page(PageTable& root, VirtAddr page, u8 value, Alloc alloc) {
    PageTable* table = &root;
    for (unsigned level = 3; level > 0; level--) {
        table = TRY(own_table(table->entry[table_index(page, level)], 3 - level, alloc));
    }
    Pte& leaf = table->entry[table_index(page, 0)];
    if (leaf.pfn() != pfn_of_shared(3)) return false;
    const PhysAddr frame = TRY(alloc());
    memset(phys_to_virt(frame), value, kPageSize);
    leaf = Pte::to(::pfn_of(frame), kLeafFlags | Pte::kGlobal);
    invlpg(page);
    return true;
}

/// RAM and the image; and the table of vmalloc's, so that all address spaces share it.
Result<void> map_shadow_of_memory(PageTable& root, Alloc alloc) {
    share_from(root);
    for (const PhysRange& ram : memblock.memory.ranges()) {
        TRY(map_shadow_of(root, kDirectMap.raw() + ram.start, kDirectMap.raw() + ram.end, alloc));
    }
    TRY(map_shadow_of(root, address_of(__text_start), address_of(__kernel_end), alloc));
    const VirtAddr vmalloc(shadow_of(kVmallocStart.raw()));
    TRY(own_table(root.entry[table_index(vmalloc, 3)], 0, alloc));
    return {};
}

/// The kernel's own tables are loaded: what has no shadow may be accessed, whatever the early stack
/// wrote there.
void clear_early_shadow() {
    memset(&shared[3], 0, kPageSize);
    fill(shared[2], Pte::to(pfn_of_shared(3), kLeafFlags & ~(Pte::kWritable | Pte::kDirty)));
    write_cr3(read_cr3());
}

}  // namespace arch
