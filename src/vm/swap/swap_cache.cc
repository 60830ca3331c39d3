// The swap cache: pages in memory that stand for slots. Linux: mm/swap_state.c, mm/page_io.c.

#include "mm/page_alloc.h"
#include "vm/cache/cache.h"
#include "vm/lru.h"
#include "vm/page_lock.h"
#include "vm/rmap.h"
#include "vm/swap/swap_info.h"

namespace vm {

constinit std::atomic<u32> page_cluster{3};

namespace {

/// Enters a locked page under a slot that is marked kCached, or is to be. ENOMEM.
Result<void> enter(SwapInfo& info, mm::Page& page, SwapEntry entry) REQUIRES(info.lock) {
    TRY(info.cache.insert(entry.slot(), &page, page_tree_nodes));
    info.map[entry.slot()] |= SwapInfo::kCached;
    page.private_data = entry.value;
    page.set(mm::kPageSwapCache);
    mm::get_page(page);
    mm::count_vm(mm::VmItem::SwapCached);
    return {};
}

void leave(SwapInfo& info, mm::Page& page) REQUIRES(info.lock) {
    const u64 slot = SwapEntry{page.private_data}.slot();
    void* const removed = info.cache.erase(slot, page_tree_nodes);
    ASSERT(removed == &page && page.has(mm::kPageSwapCache));
    page.clear(mm::kPageSwapCache);
    page.private_data = 0;
    info.map[slot] &= SwapInfo::kCountMask;
    info.settle(slot);
    mm::count_vm(mm::VmItem::SwapCached, -1);
}

/// The index of the best device with a free slot, apart from those in `tried`; kMaxSwapDevices:
/// none. Those of equal priority take turns.
unsigned best_device(u32 tried) {
    static constinit std::atomic<u32> turn{0};
    unsigned best = kMaxSwapDevices;
    int best_priority = 0;
    const u32 first = turn.fetch_add(1, std::memory_order_relaxed) / SwapInfo::kCluster;
    for (u32 i = 0; i < kMaxSwapDevices; i++) {
        const unsigned device = (first + i) % kMaxSwapDevices;
        SwapInfo& info = swap_infos[device];
        IrqGuard guard(info.lock);
        if (!info.is_usable || info.used == info.good || (tried >> device & 1)) continue;
        if (best != kMaxSwapDevices && info.priority <= best_priority) continue;
        best = device;
        best_priority = info.priority;
    }
    return best;
}

/// A page for the slot, locked, in the cache, with a reference, not read yet. EEXIST: there is one;
/// ENOENT: nothing names the slot; ENOMEM.
Result<mm::Page*> make_cached_page(SwapEntry entry) {
    mm::Page* page = TRY(mm::alloc_page(mm::Gfp::HighUserMovable));
    page->set(mm::kPageLocked);
    page->set(mm::kPageSwapBacked);
    SwapInfo& info = info_of(entry);
    Result<void> entered = ENOENT;
    {
        IrqGuard guard(info.lock);
        const bool named = info.has(entry.slot()) && info.map[entry.slot()] != 0;
        if (named) entered = enter(info, *page, entry);
    }
    if (!entered.ok()) {
        mm::put_page(*page);
        return entered.error();
    }
    lru_cache_add(*page);
    return page;
}

SwapBackend* backend_of(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    return info.backend;
}

/// The page for the slot with a reference, read in by us or by somebody.
Result<mm::Page*> read_swap_cache(SwapEntry entry) {
    for (;;) {
        if (mm::Page* page = find_swap_cache(entry)) return page;
        Result<mm::Page*> made = make_cached_page(entry);
        if (!made.ok() && made.error() == EEXIST) continue;
        mm::Page& page = *TRY(std::move(made));
        // The slot is in use as long as the page is locked, so the backend stays.
        if (backend_of(entry)->read(page, entry.slot()).ok()) {
            page.set(mm::kPageUptodate);
            mm::count_vm(mm::VmItem::SwapIn);
        }
        unlock_page(page);
        return &page;
    }
}

bool is_worth_reading(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    if (!info.has(entry.slot())) return false;
    const u16 word = info.map[entry.slot()];
    return word != 0 && word != SwapInfo::kBad && !(word & SwapInfo::kCached);
}

}  // namespace

bool add_to_swap(mm::Page& page) {
    u32 tried = 0;
    for (;;) {
        const unsigned device = best_device(tried);
        if (device == kMaxSwapDevices) return false;
        SwapInfo& info = swap_infos[device];
        IrqGuard guard(info.lock);
        const u64 slot = info.is_usable ? info.take_slot() : 0;
        if (!slot) {
            tried |= 1u << device;
            continue;
        }
        if (enter(info, page, SwapEntry::of(device, slot)).ok()) break;
        info.map[slot] = 0;
        info.settle(slot);
        return false;
    }
    page.set(mm::kPageDirty);
    return true;
}

mm::Page* find_swap_cache(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    mm::Page* page = info.has(entry.slot()) ? info.cached(entry.slot()) : nullptr;
    if (page) mm::get_page(*page);
    return page;
}

Result<mm::Page*> swapin_readahead(SwapEntry entry) {
    const u64 window = u64{1} << std::min(page_cluster.load(std::memory_order_relaxed), 6u);
    const u64 start = align_down(entry.slot(), window);
    for (u64 slot = std::max<u64>(start, 1); slot < start + window; slot++) {
        const SwapEntry near = SwapEntry::of(entry.device(), slot);
        if (near == entry || !is_worth_reading(near)) continue;
        Result<mm::Page*> page = read_swap_cache(near);
        if (!page.ok()) break;
        mm::count_vm(mm::VmItem::SwapRa);
        mm::put_page(*page.value());
    }
    return read_swap_cache(entry);
}

void delete_from_swap_cache(mm::Page& page) {
    SwapInfo& info = info_of({page.private_data});
    IrqGuard guard(info.lock);
    leave(info, page);
    page.set(mm::kPageDirty);  // its copy is no longer ours
}

bool remove_from_swap_cache_if_unused(mm::Page& page) {
    SwapInfo& info = info_of({page.private_data});
    IrqGuard guard(info.lock);
    u32 both = 2;  // the cache's and the caller's
    if (!page.ref_count.compare_exchange_strong(both, 0, std::memory_order_acq_rel)) return false;
    if (page.has(mm::kPageDirty)) {
        page.ref_count.store(2, std::memory_order_release);
        return false;
    }
    leave(info, page);
    return true;
}

bool try_to_free_swap(mm::Page& page) {
    if (!page.has(mm::kPageSwapCache) || page.has(mm::kPageWriteback)) return false;
    {
        SwapInfo& info = info_of({page.private_data});
        IrqGuard guard(info.lock);
        const u64 slot = SwapEntry{page.private_data}.slot();
        if ((info.map[slot] & SwapInfo::kCountMask) != 0) return false;
        leave(info, page);
        page.set(mm::kPageDirty);
    }
    mm::put_page(page);
    return true;
}

/// The page may only be tried to lock: we may hold a page-table lock.
void free_swap_and_cache(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    mm::Page* page = nullptr;
    {
        IrqGuard guard(info.lock);
        u16& word = info.map[entry.slot()];
        ASSERT(info.has(entry.slot()) && (word & SwapInfo::kCountMask) != 0);
        word--;
        if (word == SwapInfo::kCached) page = info.cached(entry.slot());
        if (page && try_lock_page(*page)) {
            mm::get_page(*page);
        } else {
            page = nullptr;
        }
        info.settle(entry.slot());
    }
    if (!page) return;
    if (!is_page_mapped(*page)) try_to_free_swap(*page);
    unlock_page(*page);
    mm::put_page(*page);
}

void swap_writepage(mm::Page& page) {
    if (try_to_free_swap(page)) return unlock_page(page);
    const SwapEntry entry{page.private_data};
    page.clear(mm::kPageDirty);
    page.set(mm::kPageWriteback);
    mm::count_vm(mm::VmItem::Writeback);
    mm::count_vm(mm::VmItem::SwapOut);
    SwapBackend* backend = backend_of(entry);
    unlock_page(page);
    backend->write(page, entry.slot());
}

void swap_write_end(mm::Page& page, bool ok) {
    if (!ok) page.set(mm::kPageDirty);
    end_page_writeback(page);
}

}  // namespace vm
