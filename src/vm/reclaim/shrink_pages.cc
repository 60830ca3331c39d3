// What becomes of a page that reclaim has taken off its list. Linux: shrink_page_list(), pageout(),
// __remove_mapping() in mm/vmscan.c.

#include "mm/page_alloc.h"
#include "vm/huge/huge.h"
#include "vm/page_lock.h"
#include "vm/reclaim/reclaim.h"
#include "vm/rmap.h"
#include "vm/swap/swap.h"

namespace vm {

namespace {

enum class Fate : u8 {
    Keep,      // back to the inactive list: another round
    Activate,  // it is being used, or cannot be had for now
    Free,      // nobody uses it any more; its reference count is 0
};

/// The swap cache holds it, or the page cache of a memory-only file.
bool has_no_file(const mm::Page& page) { return page.has(mm::kPageSwapBacked); }

/// By how often it was used since the last look. Pages of files that have been used once through a
/// mapping get a second round; so does program text at once the active list.
Fate check_references(mm::Page& page) {
    const Referenced found = page_referenced(page);
    if (!found.could_look) return Fate::Keep;
    if (found.area_flags & kVmLocked) {
        if (!(page.flags.fetch_or(mm::kPageMlocked) & mm::kPageMlocked)) {
            mm::count_vm(mm::VmItem::Mlocked);
        }
        mm::count_vm(mm::VmItem::UnevictableCulled);
        return Fate::Keep;  // LruVec::add() sees the flag
    }
    const bool before = page.has(mm::kPageReferenced);
    if (before) page.clear(mm::kPageReferenced);
    if (found.entries == 0) return before && has_no_file(page) ? Fate::Keep : Fate::Free;
    page.set(mm::kPageReferenced);
    if (before || found.entries > 1) return Fate::Activate;
    if ((found.area_flags & kVmExec) && !has_no_file(page)) return Fate::Activate;
    return Fate::Keep;
}

/// Starts writing the locked page. True if that is over already, and the page is locked.
bool page_out(mm::Page& page, const ScanControl& control) {
    page.set(mm::kPageReclaim);
    if (page.has(mm::kPageSwapCache)) {
        swap_writepage(page);
    } else {
        // Only kswapd writes to file systems: the stack of an allocating task may be deep already.
        AddressSpace& mapping = *page.mapping;
        const bool may = control.is_kswapd && mapping.can_write_pages();
        if (!may || !mapping.write_page(page).ok()) {
            unlock_page(page);
            return false;
        }
    }
    mm::count_vm(mm::VmItem::VmscanWrite);
    if (page.has(mm::kPageWriteback) || !try_lock_page(page)) return false;
    page.clear(mm::kPageReclaim);
    if (!page.has(mm::kPageWriteback)) return true;
    unlock_page(page);
    return false;
}

/// Out of the cache, if nobody came to use it meanwhile.
bool remove_mapping(mm::Page& page) {
    if (page.has(mm::kPageSwapCache)) return remove_from_swap_cache_if_unused(page);
    return page.mapping != nullptr && page.mapping->remove_if_unused(page);
}

/// Gives a page that has no file its place in swap space. False: there is none.
bool find_place(mm::Page& page, const ScanControl& control) {
    if (!has_no_file(page) || page.has(mm::kPageSwapCache)) return true;
    if (!control.may_swap) return false;
    if (page.has(mm::kPageAnon)) return add_to_swap(page);
    return free_swap_pages() > 0;
}

/// The page is locked; it is unlocked in the end.
Fate shrink_locked_page(mm::Page& page, const ScanControl& control) {
    Fate fate = Fate::Keep;
    const auto done = [&](Fate what) {
        // It stays in memory: its slot may serve another, if those are short.
        if (what == Fate::Activate && is_swap_full()) try_to_free_swap(page);
        unlock_page(page);
        return what;
    };
    if (page.has(mm::kPageMlocked) || page.has(mm::kPageWriteback)) return done(Fate::Keep);
    const bool is_anon = page.has(mm::kPageAnon);
    // Truncated, or unmapped for good: our reference may be the last.
    const bool has_owner = is_anon ? is_page_mapped(page) : page.mapping != nullptr;
    if (!has_owner && !page.has(mm::kPageSwapCache)) return done(Fate::Keep);
    fate = check_references(page);
    if (fate != Fate::Free) return done(fate);
    if (!find_place(page, control)) return done(Fate::Activate);
    if (!try_to_unmap(page)) {
        if (is_anon) try_to_free_swap(page);
        return done(Fate::Activate);
    }
    if (has_no_file(page) && !page.has(mm::kPageSwapCache)) {
        if (is_anon) return done(Fate::Keep);  // never mapped, or just unmapped for good
        if (!control.may_swap || !page.mapping->move_to_swap(page)) return done(Fate::Activate);
    }
    if (page.has(mm::kPageDirty)) {
        if (!page_out(page, control)) return Fate::Keep;
        if (page.has(mm::kPageDirty)) return done(Fate::Keep);
    }
    if (!remove_mapping(page)) return done(Fate::Keep);
    return Fate::Free;
}

/// A huge page that was not used lately is split; then its parts are in `parts`, and the page is
/// one of them.
enum class HugeFate : u8 { Keep, Activate, Split };
HugeFate shrink_huge_page(mm::Page& head, const ScanControl& control, PageQueue& parts) {
    if (!control.may_swap) return HugeFate::Activate;
    const Referenced found = page_referenced(head);
    if (found.area_flags & kVmLocked) return HugeFate::Activate;
    if (found.entries > 0) {
        if (head.has(mm::kPageReferenced)) return HugeFate::Activate;
        head.set(mm::kPageReferenced);
        return HugeFate::Keep;
    }
    head.clear(mm::kPageReferenced);
    return found.could_look && split_huge_page(head, parts) ? HugeFate::Split : HugeFate::Keep;
}

}  // namespace

u64 shrink_page_list(PageQueue& pages, ScanControl& control, u64& active) {
    PageQueue unused;
    u64 freed = 0;
    while (mm::Page* page = pages.pop_front()) {
        Fate fate = Fate::Keep;
        if (page->has(mm::kPageHead)) {
            const HugeFate huge = shrink_huge_page(*page, control, pages);
            if (huge == HugeFate::Split) continue;
            if (huge == HugeFate::Activate) fate = Fate::Activate;
        } else if (try_lock_page(*page)) {
            fate = shrink_locked_page(*page, control);
        }
        if (fate == Fate::Free) {
            unused.push_back(*page);
            freed++;
            continue;
        }
        if (fate == Fate::Activate) {
            page->set(mm::kPageActive);
            mm::count_vm(mm::VmItem::PageActivate);
            active++;
        }
        putback_lru_page(*page);
    }
    while (mm::Page* page = unused.pop_front()) {
        page->flags.store(0, std::memory_order_relaxed);
        page->ref_count.store(1, std::memory_order_relaxed);
        page->mapping = nullptr;
        mm::free_pages(*page, 0);
    }
    return freed;
}

}  // namespace vm
