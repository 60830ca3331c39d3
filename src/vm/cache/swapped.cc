// Pages of memory-only files in swap space. Linux: mm/shmem.c (shmem_writepage,
// shmem_swapin_folio).

#include "mm/page_alloc.h"
#include "vm/address_space.h"
#include "vm/cache/cache.h"
#include "vm/page_lock.h"
#include "vm/swap/swap.h"

namespace vm {

namespace {

void* place_of(SwapEntry entry) { return reinterpret_cast<void*>(entry.value << 1 | 1); }

}  // namespace

/// The page must be nobody's but the cache's and the caller's at the moment when the swap entry
/// takes its place: somebody else might be about to write to it.
bool AddressSpace::move_to_swap(mm::Page& page) {
    if (!add_to_swap(page)) return false;
    const SwapEntry entry{page.private_data};
    {
        IrqGuard guard(lock_);
        u32 all = 3;  // this cache's, the swap cache's, the caller's
        if (page.ref_count.compare_exchange_strong(all, 2, std::memory_order_acq_rel)) {
            const bool named = swap_duplicate(entry);
            ASSERT(named);  // a new slot
            const Result<void> stored = tree_.store(page.index, place_of(entry), page_tree_nodes);
            ASSERT(stored.ok());  // something stood there
            page.mapping = nullptr;
            count_resident(-1);
            note_space_has_swap(*this);
            return true;
        }
    }
    try_to_free_swap(page);
    return false;
}

/// Whoever comes first puts the page back; the others find it, or look again.
Result<void> AddressSpace::bring_back(u64 index, u64 swapped) {
    const SwapEntry entry{swapped};
    Result<mm::Page*> read = swapin_readahead(entry);
    if (!read.ok() && read.error() == ENOENT) return {};
    mm::Page& page = *TRY(std::move(read));
    lock_page(page);
    wait_on_page_writeback(page);
    const bool same = page.has(mm::kPageSwapCache) && page.private_data == entry.value;
    const bool good = page.has(mm::kPageUptodate);
    bool back = false;
    if (same && good) {
        IrqGuard guard(lock_);
        u64 now;
        page_at(index, now);
        back = now == swapped;
        if (back) {
            page.mapping = this;
            page.index = index;
            page.set(mm::kPageSwapBacked);
            mm::get_page(page);
            const Result<void> stored = tree_.store(index, &page, page_tree_nodes);
            ASSERT(stored.ok());
            count_resident(1);
        }
    }
    if (back) {
        swap_free(entry);
        delete_from_swap_cache(page);
        mm::put_page(page);
    }
    unlock_page(page);
    mm::put_page(page);
    if (same && !good) return EIO;
    return {};
}

void AddressSpace::bring_back_all(unsigned device) {
    u64 at = 0;
    for (;;) {
        SwapEntry entry;
        {
            IrqGuard guard(lock_);
            void* place = tree_.find(at);
            if (!place) return;
            const u64 bits = reinterpret_cast<u64>(place);
            if (bits & 1) entry = {bits >> 1};
        }
        if (entry && entry.device() == device && !bring_back(at, entry.value).ok()) return;
        at++;
    }
}

}  // namespace vm
