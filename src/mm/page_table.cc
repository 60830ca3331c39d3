// See page_table.h.

#include "mm/page_table.h"

#include "arch/kernel_map.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vm_stat.h"

namespace mm {

namespace {

constexpr unsigned kUserEntries = arch::kEntries / 2;  // of the top-level table

/// The slot that `va` selects in a table of `level`.
unsigned slot(VirtAddr va, unsigned level) {
    return va.raw() >> (kPageShift + level * arch::kIndexBits) & (arch::kEntries - 1);
}

PageTable& table_at(Pfn pfn) { return *arch::phys_to_virt<PageTable>(start_of(pfn)); }

void free_table(PageTable& table) {
    Page& page = page_of(&table);
    page.clear(kPageTable);
    count_vm(VmItem::TablePages, -1);
    put_page(page);
}

/// Frees the tables below `entry`, which stands in a table of `level` + 1.
void free_subtree(Pte& entry, unsigned level) {
    PageTable& table = table_at(entry.pfn());
    if (level > 0) {
        for (Pte& below : table.entry) {
            if (below.present() && !below.large()) free_subtree(below, level - 1);
        }
    }
    entry = Pte{0};
    free_table(table);
}

}  // namespace

PageTable& kernel_page_table() { return arch::kernel_page_table(); }

Result<Pte*> walk(PageTable& root, VirtAddr va, Missing missing) {
    // Intermediate tables grant every right; only the leaf entry restricts. In the kernel half
    // the user bit stays clear all the way down.
    const u64 flags = Pte::kPresent | Pte::kWritable | (arch::is_user_address(va) ? Pte::kUser : 0);
    PageTable* table = &root;
    for (unsigned level = arch::kLevels - 1; level > 0; level--) {
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
    return &table->entry[slot(va, 0)];
}

Result<PageTable*> new_page_table() {
    Page& page = *TRY(alloc_page(Gfp::Kernel));
    page.set(kPageTable);
    count_vm(VmItem::TablePages);
    auto& table = *bytes_of<PageTable>(page);
    const PageTable& kernel = kernel_page_table();
    memset(table.entry, 0, kUserEntries * sizeof(Pte));
    memcpy(table.entry + kUserEntries, kernel.entry + kUserEntries, kUserEntries * sizeof(Pte));
    return &table;
}

void free_page_table(PageTable& root) {
    for (unsigned i = 0; i < kUserEntries; i++) {
        if (root.entry[i].present()) free_subtree(root.entry[i], arch::kLevels - 2);
    }
    free_table(root);
}

void free_tables_in(PageTable& root, VirtAddr start, VirtAddr end) {
    constexpr u64 kSpan = u64{kPageSize} * arch::kEntries;  // what one leaf table translates
    for (u64 at = align_up(start.raw(), kSpan); at + kSpan <= end.raw(); at += kSpan) {
        PageTable* table = &root;
        for (unsigned level = arch::kLevels - 1; level > 1 && table != nullptr; level--) {
            const Pte entry = table->entry[slot(VirtAddr(at), level)];
            table = entry.present() ? &table_at(entry.pfn()) : nullptr;
        }
        if (table == nullptr) continue;
        Pte& entry = table->entry[slot(VirtAddr(at), 1)];
        if (entry.present() && !entry.large()) free_subtree(entry, 0);
    }
}

}  // namespace mm
