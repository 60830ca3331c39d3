// See page_table.h.

#include "mm/page_table.h"

#include "arch/kernel_map.h"
#include "lib/lab.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vm_stat.h"

namespace mm {

namespace {

constexpr unsigned kUserEntries = arch::kEntries / 2;  // of the top-level table

/// The slot that `va` selects in a table of `level`.
[[maybe_unused]] unsigned slot(VirtAddr va, unsigned level) {
    return va.raw() >> (kPageShift + level * arch::kIndexBits) & (arch::kEntries - 1);
}

[[maybe_unused]] PageTable& table_at(Pfn pfn) {
    return *arch::phys_to_virt<PageTable>(start_of(pfn));
}

}  // namespace

PageTable& kernel_page_table() { return arch::kernel_page_table(); }

/// LAB paging, task 2 "Tables" (handouts/04-paging.md). Write the body.
///   Before  the tables are locked. No waiting: memory comes with Gfp::Atomic.
///   After   the entry of `last_level` for `va`. A table on the way that is absent: ENOENT for
///           Missing::Fail, else a new one, all zeros, marked kPageTable and counted (ENOMEM). A
///           large page on the way: ENOENT. Entries that lead to tables grant every right, but
///           kUser only for user addresses.
///   Use     slot(), table_at(), alloc_page(), count_vm(VmItem::TablePages), Pte::to().
///   Check   `make grade LAB=paging T=walk`
///   Think   why is it enough that the last entry restricts?
Result<Pte*> walk(PageTable& root, VirtAddr va, Missing missing, unsigned last_level) {
#ifdef SOLVED_PAGING
    // Intermediate tables grant every right; only the leaf entry restricts. In the kernel half
    // the user bit stays clear all the way down.
    const u64 flags = Pte::kPresent | Pte::kWritable | (arch::is_user_address(va) ? Pte::kUser : 0);
    PageTable* table = &root;
    for (unsigned level = arch::kLevels - 1; level > last_level; level--) {
        Pte& entry = table->entry[slot(va, level)];
        if (!entry.present()) {
            if (missing == Missing::Fail) return ENOENT;
            Page& page = *TRY(alloc_page(Gfp::Atomic | Gfp::Zero));
            page.set(kPageTable);
            count_vm(VmItem::TablePages);
            entry = Pte::to(pfn_of(page), flags);
        } else if (entry.large()) {
            return ENOENT;
        }
        table = &table_at(entry.pfn());
    }
    return &table->entry[slot(va, last_level)];
#else
    lab_todo("paging", "walk");
#endif
}

/// LAB paging, task 2 "Tables" (handouts/04-paging.md). Write the body.
///   Before  nothing. May wait for memory (Gfp::Kernel).
///   After   a table, marked kPageTable and counted, whose lower half is empty and whose upper half
///           is the kernel's. ENOMEM.
///   Use     bytes_of<PageTable>(), kernel_page_table(), kUserEntries, memset(), memcpy().
///   Check   `make grade LAB=paging T=walk`
///   Think   the kernel may map something tomorrow. Why need nobody tell this table?
Result<PageTable*> new_page_table() {
#ifdef SOLVED_PAGING
    Page& page = *TRY(alloc_page(Gfp::Kernel));
    page.set(kPageTable);
    count_vm(VmItem::TablePages);
    auto& table = *bytes_of<PageTable>(page);
    const PageTable& kernel = kernel_page_table();
    memset(table.entry, 0, kUserEntries * sizeof(Pte));
    memcpy(table.entry + kUserEntries, kernel.entry + kUserEntries, kUserEntries * sizeof(Pte));
    return &table;
#else
    lab_todo("paging", "new_page_table");
#endif
}

void free_page_table(PageTable& root) {
    Page& page = page_of(&root);
    page.clear(kPageTable);
    count_vm(VmItem::TablePages, -1);
    put_page(page);
}

}  // namespace mm
