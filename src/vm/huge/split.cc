// One huge entry becomes 512 small ones.

#include "vm/huge/huge.h"

namespace vm {

Pte* find_huge(MmStruct& mm, VirtAddr at) {
    Result<Pte*> entry = mm::walk(*mm.page_table, at, mm::Missing::Fail, 1);
    return entry.ok() && is_huge(read_pte(entry.value())) ? entry.value() : nullptr;
}

void split_huge_locked(MmStruct& mm, VirtAddr at, PartsAre parts) {
    Pte* const entry = find_huge(mm, at);
    if (!entry) return;
    const Pte old = read_pte(entry);
    mm::Page& head = mm::page_of(old.pfn());
    mm::Page& table_page = *mm.reserved_tables.pop_front();
    auto& table = *mm::bytes_of<PageTable>(table_page);
    // Used or not, the parts count as used: the processor may note a use of the whole only now.
    u64 flags = old.flags() & ~Pte::kLarge;
    if (parts == PartsAre::Used) flags |= Pte::kAccessed;
    for (u64 i = 0; i < kHugePages; i++) {
        set_pte(&table.entry[i], Pte::to(Pfn(old.pfn().raw() + i), flags));
    }
    page_split_huge_rmap(head);
    set_pte(entry, Pte::to(mm::pfn_of(table_page), mm::kUserTableFlags));
}

void split_huge(MmStruct& mm, VirtAddr at) {
    IrqGuard guard(mm.page_table_lock);
    split_huge_locked(mm, at);
}

Pte user_entry(MmStruct& mm, VirtAddr at) {
    if (Pte* entry = find_pte(*mm.page_table, at)) return read_pte(entry);
    Pte* huge = find_huge(mm, at);
    if (!huge) return Pte{0};
    const Pte whole = read_pte(huge);
    const u64 part = (at - huge_down(at)) >> kPageShift;
    return Pte::to(Pfn(whole.pfn().raw() + part), whole.flags() & ~Pte::kLarge);
}

}  // namespace vm
