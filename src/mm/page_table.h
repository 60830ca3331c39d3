/// Walking and building page tables, of the kernel and of processes.
#pragma once

#include "arch/pte.h"
#include "lib/result.h"
#include "mm/page.h"

namespace mm {

using arch::PageTable;
using arch::Pte;

/// The kernel's own top-level table. Its upper half is shared by all address spaces.
PageTable& kernel_page_table();

enum class Missing { Fail, Create };

/// Finds the entry of `level` (0: the leaf) that translates `va`: ENOENT if a table on the way is
/// absent or a large page stands there. With Missing::Create, absent tables are allocated instead
/// (ENOMEM); those created before a failure stay linked: they translate nothing, and the next walk
/// reuses them.
///
/// The caller holds the address space's page-table lock (or knows that it is alone); the entry is
/// good until it is released.
Result<Pte*> walk(PageTable& root, VirtAddr va, Missing missing, unsigned level = 0);

/// The flags of an entry of the user half that leads to a table: every right, the leaf restricts.
inline constexpr u64 kUserTableFlags = Pte::kPresent | Pte::kWritable | Pte::kUser;

/// A new top-level table whose kernel half is the shared one. ENOMEM.
Result<PageTable*> new_page_table();

/// Frees a top-level table, whose user half is empty.
void free_page_table(PageTable& root);

/// The next leaf table's worth of addresses after `va`: for loops that skip absent tables.
constexpr VirtAddr next_table(VirtAddr va) {
    return VirtAddr(align_down(va.raw(), kPageSize * arch::kEntries) + kPageSize * arch::kEntries);
}

}  // namespace mm
