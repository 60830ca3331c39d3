// The page cache of one file: finding pages, and bringing them in exactly once.

#include "vm/address_space.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vm_stat.h"
#include "vm/cache/cache.h"
#include "vm/lru.h"
#include "vm/page_lock.h"
#include "vm/swap/swap.h"

namespace vm {

namespace {

constinit mm::KmemCache node_cache("radix_tree_node", sizeof(XaNode), alignof(XaNode),
                                   mm::SlabFlags::ReclaimAccount);

void* alloc_node(void*) {
    Result<void*> node = node_cache.alloc(mm::Gfp::Atomic | mm::Gfp::NoWarn);
    return node.ok() ? node.take() : nullptr;
}
void free_node(void* node, void*) { node_cache.free(node); }

constinit std::atomic<u64> cached{0}, memory_only{0};

/// A swap entry in the place of a page: pointers to pages are even.
bool is_swapped(const void* place) { return reinterpret_cast<u64>(place) & 1; }
SwapEntry entry_in(const void* place) { return {reinterpret_cast<u64>(place) >> 1}; }

}  // namespace

constinit const XaNodeSource page_tree_nodes{alloc_node, free_node};

u64 cached_pages() { return cached.load(std::memory_order_relaxed); }
u64 shmem_pages() { return memory_only.load(std::memory_order_relaxed); }

AddressSpace::~AddressSpace() NO_LOCK_ANALYSIS {
    ASSERT(page_count() == 0 && tree_.empty() && i_mmap.empty());
    if (is_memory_only()) forget_space_has_swap(*this);
    forget_space(*this);
}

/// The page at `index`; null if there is none, or a swap entry, which is put into `swapped`.
mm::Page* AddressSpace::page_at(u64 index, u64& swapped) {
    void* place = tree_.load(index);
    swapped = is_swapped(place) ? entry_in(place).value : 0;
    return swapped ? nullptr : static_cast<mm::Page*>(place);
}

mm::Page* AddressSpace::find_page(u64 index) {
    IrqGuard guard(lock_);
    u64 swapped;
    mm::Page* page = page_at(index, swapped);
    if (!page || !page->has(mm::kPageUptodate)) return nullptr;
    mm::get_page(*page);
    return page;
}

void AddressSpace::find_pages(u64 index, std::span<mm::Page*> room) {
    IrqGuard guard(lock_);
    for (usize i = 0; i < room.size(); i++) {
        u64 swapped;
        mm::Page* page = page_at(index + i, swapped);
        const bool good = page && page->has(mm::kPageUptodate);
        if (good) mm::get_page(*page);
        room[i] = good ? page : nullptr;
    }
}

bool AddressSpace::is_hole(u64 index) {
    if (!is_memory_only()) return false;
    IrqGuard guard(lock_);
    return tree_.load(index) == nullptr;
}

void AddressSpace::count_resident(i64 by) {
    cached.fetch_add(static_cast<u64>(by), std::memory_order_relaxed);
    if (is_memory_only()) memory_only.fetch_add(static_cast<u64>(by), std::memory_order_relaxed);
}

/// A new locked page at `index`, with a reference for the cache and one for the caller. ENOMEM;
/// EEXIST if another task was faster.
Result<mm::Page*> AddressSpace::create_page(u64 index) {
    mm::Page* page = TRY(mm::alloc_page(mm::Gfp::HighUserMovable));
    page->mapping = this;
    page->index = index;
    // The only copy: dirty from the beginning.
    const u32 own_copy = is_memory_only() ? mm::kPageSwapBacked | mm::kPageDirty : 0;
    page->flags.fetch_or(mm::kPageLocked | own_copy, std::memory_order_relaxed);
    remember_space(*this);
    {
        IrqGuard guard(lock_);
        const Result<void> stored = tree_.insert(index, page, page_tree_nodes);
        if (!stored.ok()) {
            page->mapping = nullptr;
            page->clear(mm::kPageLocked);
            mm::put_page(*page);
            return stored.error();
        }
        mm::get_page(*page);
        pages_.fetch_add(1, std::memory_order_relaxed);
        count_resident(1);
    }
    lru_cache_add(*page);
    return page;
}

/// Takes the page out of the cache; its reference becomes the caller's.
void AddressSpace::remove_locked(mm::Page& page) {
    void* removed = tree_.erase(page.index, page_tree_nodes);
    ASSERT(removed == &page);
    clear_page_dirty_locked(page);
    page.mapping = nullptr;
    clear_page_dirty_locked(page);
    pages_.fetch_sub(1, std::memory_order_relaxed);
    count_resident(-1);
}

/// The page could not be read in: the next one who wants it tries again.
void AddressSpace::abandon(mm::Page& page) {
    bool was_in_cache;
    {
        IrqGuard guard(lock_);
        was_in_cache = page.mapping == this;
        if (was_in_cache) remove_locked(page);
    }
    unlock_page(page);
    if (was_in_cache) mm::put_page(page);
    mm::put_page(page);
}

/// Reads the locked page in, and unlocks it.
Result<mm::Page*> AddressSpace::fill(mm::Page& page, Blank blank) {
    Result<void> filled;
    if (blank == Blank::Yes) {
        memset(mm::bytes_of(page), 0, kPageSize);
    } else {
        filled = ops_.read_page(*this, page);
    }
    if (!filled.ok()) {
        abandon(page);
        return filled.error();
    }
    page.set(mm::kPageUptodate);
    unlock_page(page);
    return &page;
}

/// The page at `index`, which the first who asks for it fills; the others wait for him. `blank`:
/// with zeros instead of what the file has there.
Result<mm::Page*> AddressSpace::get_or_read(u64 index, Blank blank) {
    for (;;) {
        mm::Page* page;
        u64 swapped;
        {
            IrqGuard guard(lock_);
            page = page_at(index, swapped);
            if (page) mm::get_page(*page);
        }
        if (swapped) {
            TRY(bring_back(index, swapped));
            continue;
        }
        if (!page) {
            Result<mm::Page*> created = create_page(index);
            if (!created.ok() && created.error() == EEXIST) continue;
            return fill(*TRY(std::move(created)), blank);
        }
        if (page->has(mm::kPageUptodate)) return page;
        lock_page(*page);
        if (page->mapping == this && !page->has(mm::kPageUptodate)) return fill(*page, blank);
        unlock_page(*page);  // it is there now, or gone: look again
        mm::put_page(*page);
    }
}

Result<mm::Page*> AddressSpace::read_page(u64 index) { return get_or_read(index, Blank::No); }

Result<mm::Page*> AddressSpace::prepare_write(u64 index, usize from, usize to, u64 file_size) {
    const bool covered = from == 0 && to == kPageSize;
    const bool beyond_end = index >= file_size / kPageSize + (file_size % kPageSize != 0);
    return get_or_read(index, covered || beyond_end ? Blank::Yes : Blank::No);
}

/// Up to room.size() pages at or behind `first_index`, with references. Swap entries that it meets
/// are given up at once.
u64 AddressSpace::find_batch(u64 first_index, std::span<mm::Page*> room) {
    IrqGuard guard(lock_);
    u64 count = 0;
    u64 at = first_index;
    for (void* place = tree_.find(at); place && count < room.size(); place = tree_.find_after(at)) {
        if (is_swapped(place)) {
            tree_.erase(at, page_tree_nodes);
            pages_.fetch_sub(1, std::memory_order_relaxed);
            free_swap_and_cache(entry_in(place));
            continue;
        }
        room[count] = static_cast<mm::Page*>(place);
        mm::get_page(*room[count++]);
    }
    return count;
}

void AddressSpace::truncate_page(mm::Page& page) {
    lock_page(page);
    wait_on_page_writeback(page);
    bool was_in_cache;
    {
        IrqGuard guard(lock_);
        was_in_cache = page.mapping == this;  // else it went to swap space, or reclaim took it
        if (was_in_cache) remove_locked(page);
    }
    unlock_page(page);
    if (was_in_cache) mm::put_page(page);
}

/// Out of the cache first, out of the page tables then: whoever maps a page checks under the
/// page-table lock that it is still in the cache.
void AddressSpace::truncate(u64 first_index) {
    mm::Page* pages[32];
    while (const u64 count = find_batch(first_index, pages)) {
        for (u64 i = 0; i < count; i++) truncate_page(*pages[i]);
        release_pages(std::span(pages, count));
    }
    unmap_mapping_range(*this, first_index, ~u64{0});
}

bool AddressSpace::freeze_and_remove(mm::Page& page, u32 references) {
    // Others add references only under our lock, or by isolating a page whose count is not 0.
    if (!page.ref_count.compare_exchange_strong(references, 0, std::memory_order_acq_rel)) {
        return false;
    }
    if (page.has(mm::kPageDirty) || !page.has(mm::kPageUptodate)) {
        page.ref_count.store(references, std::memory_order_release);
        return false;
    }
    remove_locked(page);
    return true;
}

bool AddressSpace::remove_if_unused(mm::Page& page) {
    IrqGuard guard(lock_);
    return freeze_and_remove(page, 2);
}

u64 AddressSpace::shrink(u64 wanted) {
    u64 freed = 0;
    u64 at = 0;
    while (freed < wanted) {
        mm::Page* victim = nullptr;
        {
            IrqGuard guard(lock_);
            void* place = tree_.find(at);
            if (!place) break;
            auto* page = is_swapped(place) ? nullptr : static_cast<mm::Page*>(place);
            if (page && try_lock_page(*page)) {
                const bool busy = page->has(mm::kPageWriteback);
                if (!busy && freeze_and_remove(*page, 1)) victim = page;
                if (!victim) unlock_page(*page);
            }
        }
        if (victim) {
            victim->ref_count.store(1, std::memory_order_release);  // the cache's, now ours
            unlock_page(*victim);
            mm::put_page(*victim);
            freed++;
        }
        at++;
    }
    return freed;
}

}  // namespace vm
