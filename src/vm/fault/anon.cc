// Memory of a process's own: demand zero, and copy-on-write.

#include "lib/lab.h"
#include "lib/string.h"
#include "vm/fault/fault.h"
#include "vm/page_lock.h"
#include "vm/swap/swap.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// What every untouched page reads as. Mapped read-only and uncounted (kSpecial).
alignas(kPageSize) constinit const u64 kZeroPage[kPageSize / sizeof(u64)] = {};

[[maybe_unused]] Pte zero_page_entry(const VmArea& area) {
    return Pte::to(pfn_of(arch::virt_to_phys(kZeroPage)), entry_flags(area) | Pte::kSpecial);
}

/// LAB paging, task 4 "Copy on write" (handouts/04-paging.md). Write the body.
///   Before  the caller keeps the old page alive.
///   After   a new page (HighUserMovable) with the contents of the one behind `old`. ENOMEM.
///   Use     mm::alloc_page(), mm::bytes_of(), memcpy(). The zero page is a special() entry.
///   Check   `make grade LAB=paging T=cow`
///   Think   what need not be read?
[[maybe_unused]] Result<mm::Page*> copy_of(Pte old) {
#ifdef SOLVED_PAGING
    using enum mm::Gfp;
    if (old.special()) return mm::alloc_page(HighUserMovable | Zero);
    mm::Page* page = TRY(mm::alloc_page(HighUserMovable));
    memcpy(mm::bytes_of(*page), mm::bytes_of(mm::page_of(old.pfn())), kPageSize);
    return page;
#else
    lab_todo("paging", "copy_of");
#endif
}

/// LAB paging, task 4 "Copy on write" (handouts/04-paging.md). Write the body.
///   Before  the fault saw a page that may not be written to; `copy` has its contents.
///   After   if the entry is still what the fault saw: it leads to `copy`, with the rights of
///           anonymous_entry(); no processor translates to the old page any more; the reverse
///           mappings of both and the counters of the process are right; `copy` is on the LRU list.
///           The reference that the entry had on the old page is the caller's now. Else: false, and
///           nothing has changed. A processor must not read the old page from its TLB while another
///           writes to the new one. So first the entry is made unusable, kBusyEntry; then the TLBs
///           are flushed, with no lock held; then the new page appears. Who faults in between tries
///           again, so nobody may preempt us.
///   Use     PreemptGuard, IrqGuard, exchange_pte(), flush_tlb_range(), has_page(), RssDelta,
///           page_remove_rmap(), page_add_new_anon_rmap(), IrqOffGuard, add_new_page_to_lru(),
///           set_pte().
///   Check   `make grade LAB=paging T=cow`
///   Think   which of these steps needs the lock, and why not the last?
[[maybe_unused]] bool replace_page(const Fault& fault, mm::Page& copy) {
#ifdef SOLVED_PAGING
    PreemptGuard stay_here;
    {
        IrqGuard guard(fault.mm.page_table_lock);
        if (read_pte(fault.entry).bits != fault.seen.bits) return false;
        exchange_pte(fault.entry, kBusyEntry);
    }
    flush_tlb_range(fault.mm, fault.at, fault.at + kPageSize);

    RssDelta rss;
    if (has_page(fault.seen)) {
        mm::Page& old = mm::page_of(fault.seen.pfn());
        rss.add(old, -1);
        page_remove_rmap(old);
    }
    page_add_new_anon_rmap(copy, fault.area, fault.at);
    rss.add(copy, 1);
    rss.apply(fault.mm);
    IrqOffGuard irqs_off;
    add_new_page_to_lru(fault.area, copy);
    set_pte(fault.entry, anonymous_entry(fault.area, copy));  // nobody else touches a busy entry
    return true;
#else
    lab_todo("paging", "replace_page");
#endif
}

/// LAB paging, task 4 "Copy on write" (handouts/04-paging.md). Write the body.
///   Before  the caller has a reference to the old page, unless that is the zero page.
///   After   a copy has taken its place, or somebody else was faster. Nothing is lost, whatever
///           fails. ENOMEM.
///   Use     anon_vma_prepare(), copy_of(), replace_page(), has_page(), mm::put_page().
///   Check   `make grade LAB=paging T=cow`
[[maybe_unused]] Result<FaultKind> copy_page(const Fault& fault) {
#ifdef SOLVED_PAGING
    TRY(anon_vma_prepare(fault.area));
    mm::Page* copy = TRY(copy_of(fault.seen));
    if (!replace_page(fault, *copy)) {
        mm::put_page(*copy);
    } else if (has_page(fault.seen)) {
        mm::put_page(mm::page_of(fault.seen.pfn()));  // what the entry held
    }
    return FaultKind::Minor;
#else
    lab_todo("paging", "copy_page");
#endif
}

/// No other entry and nobody else uses the anonymous page: its one reference is the entry's. If the
/// swap cache has the other one, and no swap entry leads to it, that is given up.
[[maybe_unused]] bool is_only_ours(mm::Page& page) {
    const u32 references = mm::compound_head(page).ref_count.load(std::memory_order_acquire);
    if (references == 1) return true;
    if (references != 2 || !page.has(mm::kPageSwapCache) || !try_lock_page(page)) return false;
    const bool freed =
        page.map_count.load(std::memory_order_relaxed) == 1 && try_to_free_swap(page);
    unlock_page(page);
    return freed && page.ref_count.load(std::memory_order_acquire) == 1;
}

/// What a write to a page that may not be written to needs: nothing more, as somebody else was
/// faster; nothing more, as the page could become writable; a copy; that its file is asked.
enum class Verdict : u8 { Stale, MadeWritable, Copy, Ask };

/// LAB paging, task 4 "Copy on write" (handouts/04-paging.md). Write the body.
///   Before  page_table_lock is held.
///   After   Stale: the entry is no longer what the fault saw. MadeWritable: the entry may be used
///           as it is now, and allows writing (with kWriteRights) if the area does: the page is
///           anonymous and only ours, or shared memory, which is dirty from now on. Ask: shared, of
///           a file that wants to hear of the write. Copy: everything else, and all that the area
///           does not let the program write to unless it has its own copy already. For Ask and Copy
///           the page has a reference more, except the zero page.
///   Use     is_only_ours(), VmArea::is_shared(), AddressSpace::is_memory_only(), mm::get_page().
///   Check   `make grade LAB=paging T=cow`
///   Think   who writes to an area that may not be written to? And why must that not make the page
///           writable?
[[maybe_unused]] Verdict judge(const Fault& fault) {
#ifdef SOLVED_PAGING
    if (read_pte(fault.entry).bits != fault.seen.bits) return Verdict::Stale;
    if (fault.seen.special()) return Verdict::Copy;
    mm::Page& page = mm::page_of(fault.seen.pfn());
    const bool only_ours = page.has(mm::kPageAnon) && is_only_ours(page);
    const bool may_write = fault.area.flags & kVmWrite;  // no: a forced access, on a copy
    const bool shared = fault.area.is_shared();
    if (may_write && shared && !mapping_of(fault.area)->is_memory_only()) {
        mm::get_page(page);
        return Verdict::Ask;
    }
    if (may_write && (shared || only_ours)) {
        if (shared) page.set(mm::kPageDirty);
        set_pte(fault.entry, fault.seen.with(kWriteRights));
        return Verdict::MadeWritable;
    }
    if (only_ours) return Verdict::MadeWritable;  // already a private copy; stays read-only
    mm::get_page(page);
    return Verdict::Copy;
#else
    lab_todo("paging", "judge");
#endif
}

}  // namespace

Pte anonymous_entry(const VmArea& area, const mm::Page& page) {
    const u64 writable = area.flags & kVmWrite ? kWriteRights : 0;
    return Pte::to(mm::pfn_of(page), entry_flags(area) | writable);
}

/// LAB paging, task 3 "Demand zero" (handouts/04-paging.md). Write the body.
///   Before  a page of nobody's, and an area with its AnonVma.
///   After   if the entry is still none and nothing is lost (is_lost()): it leads to the page,
///           which has its reverse mapping, is on the LRU list and counted. Else false, and the
///           page is still the caller's.
///   Use     IrqGuard, page_add_new_anon_rmap(), add_new_page_to_lru(), anonymous_entry(),
///           set_pte(), RssDelta.
///   Check   `make grade LAB=paging T=anon`
///   Think   two threads touch the page at once. Which line decides between them?
bool map_anonymous(const Fault& fault, mm::Page& page) {
#ifdef SOLVED_PAGING
    IrqGuard guard(fault.mm.page_table_lock);
    if (!read_pte(fault.entry).is_none() || is_lost(fault.mm, fault.area)) return false;
    page_add_new_anon_rmap(page, fault.area, fault.at);
    add_new_page_to_lru(fault.area, page);
    set_pte(fault.entry, anonymous_entry(fault.area, page));
    RssDelta rss;
    rss.add(page, 1);
    rss.apply(fault.mm);
    return true;
#else
    lab_todo("paging", "map_anonymous");
#endif
}

/// LAB paging, task 3 "Demand zero" (handouts/04-paging.md). Write the body.
///   Before  the entry was none when the fault looked.
///   After   a fault for reading maps the zero page; one for writing maps a new page of zeros
///           (HighUserMovable | Zero). Unless the entry is used by now, or is_lost().
///           FaultKind::Minor; ENOMEM.
///   Use     zero_page_entry(), anon_vma_prepare(), mm::alloc_page(), map_anonymous(),
///           mm::put_page().
///   Check   `make grade LAB=paging T=anon`
Result<FaultKind> do_anonymous_page(const Fault& fault) {
#ifdef SOLVED_PAGING
    if (!fault.write) {
        IrqGuard guard(fault.mm.page_table_lock);
        if (read_pte(fault.entry).is_none() && !is_lost(fault.mm, fault.area)) {
            set_pte(fault.entry, zero_page_entry(fault.area));
        }
        return FaultKind::Minor;
    }
    using enum mm::Gfp;
    TRY(anon_vma_prepare(fault.area));
    mm::Page* page = TRY(mm::alloc_page(HighUserMovable | Zero));
    if (!map_anonymous(fault, *page)) mm::put_page(*page);
    return FaultKind::Minor;
#else
    lab_todo("paging", "do_anonymous_page");
#endif
}

/// LAB paging, task 4 "Copy on write" (handouts/04-paging.md). Write the body.
///   Before  a write met an entry that is not writable, or the zero page.
///   After   what judge() found has been done: nothing, copy_page(), or do_shared_write(). The
///           reference that judge() took is given back.
///   Use     IrqGuard, judge(), copy_page(), do_shared_write().
///   Check   `make grade LAB=paging T=cow`
Result<FaultKind> do_wp_page(const Fault& fault) {
#ifdef SOLVED_PAGING
    Verdict verdict;
    {
        IrqGuard guard(fault.mm.page_table_lock);
        verdict = judge(fault);
    }
    if (verdict == Verdict::Stale || verdict == Verdict::MadeWritable) return FaultKind::Minor;
    Result<FaultKind> done = verdict == Verdict::Copy
                                 ? copy_page(fault)
                                 : do_shared_write(fault, mm::page_of(fault.seen.pfn()));
    if (has_page(fault.seen)) mm::put_page(mm::page_of(fault.seen.pfn()));
    return done;
#else
    lab_todo("paging", "do_wp_page");
#endif
}

}  // namespace vm
