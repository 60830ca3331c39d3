// A page that is in swap space. Linux: do_swap_page() in mm/memory.c.

#include "vm/swap/swap.h"
#include "vm/fault/fault.h"
#include "vm/lru.h"
#include "vm/page_lock.h"

namespace vm {

namespace {

/// Maps the locked page, if the entry still says what the fault saw. Returns what it is then.
Pte map_swapped(const Fault& fault, mm::Page& page, SwapEntry entry) {
    IrqGuard guard(fault.mm.page_table_lock);
    if (read_pte(fault.entry).bits != fault.seen.bits) return Pte{0};
    swap_free(entry);
    mm::get_page(page);
    // Nobody but the cache, the caller, and from now on this entry: it may be written at once, and
    // then the copy on the device is worth nothing.
    const bool exclusive =
        swap_count(entry) == 0 && page.ref_count.load(std::memory_order_acquire) == 3;
    Pte now =
        Pte::to(mm::pfn_of(page), entry_flags(fault.area) | (fault.seen.bits & Pte::kSoftDirty));
    if (exclusive && (fault.write || is_swap_full()) && try_to_free_swap(page)) {
        if (fault.write && (fault.area.flags & kVmWrite)) now = now.with(kWriteRights);
    }
    page_add_anon_rmap(page, fault.area, fault.at,
                       exclusive ? Sharing::Exclusive : Sharing::Possible);
    set_pte(fault.entry, now);
    RssDelta rss;
    rss.add(page, 1);
    rss.swap = -1;
    rss.apply(fault.mm);
    return now;
}

}  // namespace

Result<FaultKind> do_swap_page(const Fault& fault) {
    const SwapEntry entry = swap_entry_of(fault.seen);
    TRY(anon_vma_prepare(fault.area));
    FaultKind kind = FaultKind::Minor;
    mm::Page* page = find_swap_cache(entry);
    if (page) {
        mm::count_vm(mm::VmItem::SwapRaHit);
    } else {
        kind = FaultKind::Major;
        Result<mm::Page*> read = swapin_readahead(entry);
        const bool came_back = !read.ok() && read.error() == ENOENT;
        if (came_back) return FaultKind::Minor;
        page = TRY(std::move(read));
    }
    lock_page(*page);
    const bool same = page->has(mm::kPageSwapCache) && page->private_data == entry.value;
    const bool readable = page->has(mm::kPageUptodate) || page->has(mm::kPageAnon);
    Pte now{0};
    if (same && readable) now = map_swapped(fault, *page, entry);
    if (same && (fault.area.flags & kVmLocked)) mlock_page(*page);
    unlock_page(*page);
    mm::put_page(*page);
    if (same && !readable) return EIO;
    if (fault.write && now.present() && !now.writable()) {  // others share it: a copy at once
        TRY(do_wp_page({fault.mm, fault.area, fault.at, true, fault.entry, now}));
    }
    return kind;
}

}  // namespace vm
