// Moving a page to another node while its program may be using it. Linux: mm/migrate.c.

#include "core/percpu/preempt.h"
#include "lib/string.h"
#include "sched/task.h"
#include "vm/fault/fault.h"
#include "vm/policy/policy.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// Only this entry knows of the page, and it is not a part of a larger one.
bool is_movable(const mm::Page& page) {
    return page.has(mm::kPageAnon) && !page.has(mm::kPageHead) && !page.has(mm::kPageTail) &&
           page.ref_count.load(std::memory_order_acquire) == 1 &&
           page.map_count.load(std::memory_order_relaxed) == 1;
}

/// Takes the page away from the program if it can be moved; else none.
Pte take_entry(MmStruct& mm, Pte* entry) {
    IrqGuard guard(mm.page_table_lock);
    const Pte old = read_pte(entry);
    if (!has_page(old) || !is_movable(mm::page_of(old.pfn()))) return Pte{0};
    return exchange_pte(entry, kBusyEntry);  // with the accessed bit of the last moment
}

Result<mm::Page*> alloc_target(const VmArea& area, VirtAddr at) {
    const mm::PolicyScope scope(sched::current().mempolicy, *area.policy, area.index_of(at));
    return mm::alloc_page(mm::Gfp::HighUserMovable | mm::Gfp::NoWarn | mm::Gfp::NoRetry);
}

/// As in a copy on write (fault/anon.cc): first nobody can use the page, then it is copied, then
/// the new one appears. False: `copy` is nobody's again.
bool move_to(mm::Page& copy, const VmArea& area, VirtAddr at, Pte* entry) {
    MmStruct& mm = *area.mm;
    PreemptGuard stay_here;
    const Pte old = take_entry(mm, entry);
    if (old.is_none()) {
        mm::put_page(copy);
        return false;
    }
    flush_tlb_range(mm, at, at + kPageSize);
    mm::Page& page = mm::page_of(old.pfn());
    memcpy(mm::bytes_of(copy), mm::bytes_of(page), kPageSize);
    page_add_new_anon_rmap(copy, area, at);
    page_remove_rmap(page);
    {
        IrqOffGuard irqs_off;
        add_new_page_to_lru(area, copy);
        set_pte(entry, Pte::to(mm::pfn_of(copy), old.flags()));
    }
    mm::put_page(page);
    return true;
}

}  // namespace

bool migrate_page(VmArea& area, VirtAddr at, Pte* entry) {
    Result<mm::Page*> target = alloc_target(area, at);
    const bool moved = target.ok() && move_to(*target.value(), area, at, entry);
    mm::count_vm(moved ? mm::VmItem::PageMigrated : mm::VmItem::PageMigrateFailed);
    return moved;
}

}  // namespace vm
