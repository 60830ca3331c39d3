// Memory of a process's own: demand zero, and copy-on-write.

#include "lib/string.h"
#include "vm/fault/fault.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// What every untouched page reads as. Mapped read-only and uncounted (kSpecial).
alignas(kPageSize) constinit const u64 kZeroPage[kPageSize / sizeof(u64)] = {};

Pte zero_page_entry(const VmArea& area) {
    return Pte::to(pfn_of(arch::virt_to_phys(kZeroPage)), entry_flags(area) | Pte::kSpecial);
}

/// A page with the contents of the one behind `old`, which the caller keeps alive. ENOMEM.
Result<mm::Page*> copy_of(Pte old) {
    using enum mm::Gfp;
    if (old.special()) return mm::alloc_page(Kernel | User | Zero);
    mm::Page* page = TRY(mm::alloc_page(Kernel | User));
    memcpy(mm::bytes_of(*page), mm::bytes_of(mm::page_of(old.pfn())), kPageSize);
    return page;
}

/// Puts `copy` in the place of what the fault saw there, if that is still so.
///
/// Another processor must not read the old page from its TLB while a third writes to the new one.
/// So the entry is made unusable first; then the TLBs are flushed, which needs the lock to be
/// free; then the new page appears. Who faults in between finds kBusyEntry and tries again, so we
/// do not let ourselves be preempted.
bool replace_page(const Fault& fault, mm::Page& copy) {
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
        uncount_mapping(old);
    }
    rss.add(copy, 1);
    rss.apply(fault.mm);
    count_mapping(copy);
    set_pte(fault.entry, anonymous_entry(fault.area, copy));  // nobody else touches a busy entry
    return true;
}

/// Copy-on-write proper. The caller has a reference to the old page (unless it is the zero page).
Result<FaultKind> copy_page(const Fault& fault) {
    mm::Page* copy = TRY(copy_of(fault.seen));
    copy->set(mm::kPageAnon);
    fault.area.has_anon.store(true, std::memory_order_relaxed);
    if (!replace_page(fault, *copy)) {
        mm::put_page(*copy);
    } else if (has_page(fault.seen)) {
        mm::put_page(mm::page_of(fault.seen.pfn()));  // what the entry held
    }
    return FaultKind::Minor;
}

/// If the page can simply become writable: it is the only one's that uses it, or meant to be
/// shared. Otherwise takes a reference for copying. page_table_lock is held.
enum class Verdict : u8 { Stale, MadeWritable, Copy };
Verdict judge(const Fault& fault) {
    if (read_pte(fault.entry).bits != fault.seen.bits) return Verdict::Stale;
    if (fault.seen.special()) return Verdict::Copy;
    mm::Page& page = mm::page_of(fault.seen.pfn());
    const bool only_ours =
        page.has(mm::kPageAnon) && page.ref_count.load(std::memory_order_acquire) == 1;
    const bool may_write = fault.area.flags & kVmWrite;  // no: a forced access, on a copy
    if (may_write && (fault.area.is_shared() || only_ours)) {
        if (!page.has(mm::kPageAnon)) page.set(mm::kPageDirty);
        set_pte(fault.entry, fault.seen.with(Pte::kWritable | Pte::kDirty));
        return Verdict::MadeWritable;
    }
    if (only_ours) return Verdict::MadeWritable;  // already a private copy; stays read-only
    mm::get_page(page);
    return Verdict::Copy;
}

}  // namespace

Pte anonymous_entry(const VmArea& area, const mm::Page& page) {
    const u64 writable = area.flags & kVmWrite ? Pte::kWritable | Pte::kDirty : 0;
    return Pte::to(mm::pfn_of(page), entry_flags(area) | writable);
}

bool map_anonymous(const Fault& fault, mm::Page& page) {
    page.set(mm::kPageAnon);
    fault.area.has_anon.store(true, std::memory_order_relaxed);
    IrqGuard guard(fault.mm.page_table_lock);
    if (!read_pte(fault.entry).is_none()) return false;
    count_mapping(page);
    set_pte(fault.entry, anonymous_entry(fault.area, page));
    RssDelta rss;
    rss.add(page, 1);
    rss.apply(fault.mm);
    return true;
}

Result<FaultKind> do_anonymous_page(const Fault& fault) {
    if (!fault.write) {
        IrqGuard guard(fault.mm.page_table_lock);
        if (read_pte(fault.entry).is_none()) set_pte(fault.entry, zero_page_entry(fault.area));
        return FaultKind::Minor;
    }
    using enum mm::Gfp;
    mm::Page* page = TRY(mm::alloc_page(Kernel | User | Zero));
    if (!map_anonymous(fault, *page)) mm::put_page(*page);
    return FaultKind::Minor;
}

Result<FaultKind> do_wp_page(const Fault& fault) {
    Verdict verdict;
    {
        IrqGuard guard(fault.mm.page_table_lock);
        verdict = judge(fault);
    }
    if (verdict != Verdict::Copy) return FaultKind::Minor;
    Result<FaultKind> done = copy_page(fault);
    if (has_page(fault.seen)) mm::put_page(mm::page_of(fault.seen.pfn()));
    return done;
}

}  // namespace vm
