// Huge entries as a whole: taking away, copying for fork, other rights.

#include "vm/huge/huge.h"

namespace vm {

void zap_huge_entry(TlbGather& gather, MmStruct& mm, Pte* entry, VirtAddr at, RssDelta& rss) {
    const Pte old = exchange_pte(entry, Pte{0});
    gather.note(at);
    gather.note(at + kHugeSize - kPageSize);
    mm::Page& head = mm::page_of(old.pfn());
    rss.anon -= kHugePages;
    page_remove_huge_rmap(head);
    gather.add(head);
    gather.tables().push_back(*mm.reserved_tables.pop_front());
    mm.page_table_pages.fetch_sub(1, std::memory_order_relaxed);
}

/// Nobody else knows the child yet, so its lock is not needed.
Result<bool> copy_huge_entry(MmStruct& child, MmStruct& parent, VirtAddr at) NO_LOCK_ANALYSIS {
    Pte* const to = TRY(alloc_entry(child, at, 1));
    mm::Page& table = *TRY(new_table(child));
    IrqGuard guard(parent.page_table_lock);
    Pte* const from = find_huge(parent, at);  // still: the parent's mmap_lock is held for writing
    child.reserved_tables.push_back(table);
    const Pte old = read_pte(from);
    if (old.writable()) clear_pte_flags(from, Pte::kWritable);
    mm::Page& head = mm::page_of(old.pfn());
    mm::get_page(head);
    page_dup_huge_rmap(head);
    set_pte(to, old.without(Pte::kWritable));
    RssDelta rss;
    rss.anon = kHugePages;
    rss.apply(child);
    return old.writable();
}

bool protect_huge_entry(const VmArea& area, Pte* entry) {
    const Pte old = read_pte(entry);
    constexpr u64 kKept = Pte::kAddressMask | Pte::kDirty | Pte::kSoftDirty | Pte::kAccessed;
    Pte now{(old.bits & kKept) | Pte::kLarge | (entry_flags(area) & ~Pte::kAccessed)};
    if ((area.flags & kVmWrite) && is_exclusive_huge(mm::page_of(old.pfn()))) {
        now = now.with(kWriteRights);
    }
    set_pte(entry, now);
    return (old.flags() & ~now.flags() & Pte::kWritable) != 0;
}

}  // namespace vm
