// Faults that huge pages answer. Linux: do_huge_pmd_anonymous_page(), do_huge_pmd_wp_page().

#include "vm/huge/huge.h"

namespace vm {

namespace {

Pte huge_entry(const VmArea& area, const mm::Page& head) {
    return anonymous_entry(area, head).with(Pte::kLarge);
}

/// A page, if one can be had without effort: small ones do as well.
mm::Page* alloc_huge_page() {
    using enum mm::Gfp;
    constexpr mm::Gfp kLight = mm::without(HighUserMovable, DirectReclaim) | Comp | Zero | NoWarn;
    Result<mm::Page*> page = mm::alloc_pages(kLight, kHugeOrder);
    return page.ok() ? page.value() : nullptr;
}

/// Maps `head` at `at` if nothing is there yet. page_table_lock is free.
bool map_huge(MmStruct& mm, const VmArea& area, VirtAddr at, Pte* entry, mm::Page& head,
              mm::Page& table) {
    IrqGuard guard(mm.page_table_lock);
    if (!read_pte(entry).is_none() || is_lost(mm, area)) return false;
    mm.reserved_tables.push_back(table);
    page_add_new_huge_rmap(head, area, at);
    RssDelta rss;
    rss.anon = kHugePages;
    rss.apply(mm);
    set_pte(entry, huge_entry(area, head));
    lru_add_at_once(head);
    return true;
}

}  // namespace

bool do_huge_anonymous_page(MmStruct& mm, VmArea& area, VirtAddr at) {
    at = huge_down(at);
    if (!anon_vma_prepare(area).ok()) return false;
    Result<Pte*> entry = alloc_entry(mm, at, 1);
    if (!entry.ok() || !read_pte(entry.value()).is_none()) return false;
    mm::Page* const head = alloc_huge_page();
    if (!head) {
        mm::count_vm(mm::VmItem::ThpFaultFallback);
        return false;
    }
    Result<mm::Page*> table = new_table(mm);
    if (!table.ok()) {
        mm::put_page(*head);
        return false;
    }
    if (map_huge(mm, area, at, entry.value(), *head, *table.value())) {
        mm::count_vm(mm::VmItem::ThpFaultAlloc);
        return true;
    }
    mm::put_page(*head);
    give_table_back(mm, *table.value());
    return false;
}

/// A page that others have, too, is split: then only the part that is written to is copied.
void do_huge_fault(MmStruct& mm, const VmArea& area, VirtAddr at, bool write) {
    IrqGuard guard(mm.page_table_lock);
    Pte* const entry = find_huge(mm, at);
    if (!entry || !write) return;
    const Pte old = read_pte(entry);
    if (old.writable()) return;
    const bool may_write = area.flags & kVmWrite;  // no: a forced access, on a copy
    if (may_write && is_exclusive_huge(mm::page_of(old.pfn()))) {
        set_pte(entry, old.with(kWriteRights));
    } else {
        split_huge_locked(mm, at);
    }
}

}  // namespace vm
