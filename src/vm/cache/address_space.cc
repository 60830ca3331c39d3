// The page cache of one file: finding pages, and bringing them in exactly once.

#include "vm/address_space.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "vm/cache/cache.h"

namespace vm {

namespace {

constinit mm::KmemCache node_cache("radix_tree_node", sizeof(XaNode), alignof(XaNode));

void* alloc_node(void*) {
    Result<void*> node = node_cache.alloc(mm::Gfp::Atomic | mm::Gfp::NoWarn);
    return node.ok() ? node.take() : nullptr;
}
void free_node(void* node, void*) { node_cache.free(node); }
constexpr XaNodeSource kNodes{alloc_node, free_node};

constinit std::atomic<u64> cached{0}, memory_only{0};

}  // namespace

u64 cached_pages() { return cached.load(std::memory_order_relaxed); }
u64 shmem_pages() { return memory_only.load(std::memory_order_relaxed); }

AddressSpace::~AddressSpace() NO_LOCK_ANALYSIS {
    ASSERT(page_count() == 0 && tree_.empty() && i_mmap.empty());
    forget_space(*this);
}

mm::Page* AddressSpace::find_page(u64 index) {
    IrqGuard guard(lock_);
    auto* page = static_cast<mm::Page*>(tree_.load(index));
    if (!page || !page->has(mm::kPageUptodate)) return nullptr;
    mm::get_page(*page);
    return page;
}

void AddressSpace::find_pages(u64 index, std::span<mm::Page*> room) {
    IrqGuard guard(lock_);
    for (usize i = 0; i < room.size(); i++) {
        auto* page = static_cast<mm::Page*>(tree_.load(index + i));
        const bool good = page && page->has(mm::kPageUptodate);
        if (good) mm::get_page(*page);
        room[i] = good ? page : nullptr;
    }
}

/// A new locked page at `index`, with a reference for the cache and one for the caller. ENOMEM;
/// EEXIST if another task was faster.
Result<mm::Page*> AddressSpace::create_page(u64 index) {
    mm::Page* page = TRY(mm::alloc_page(mm::Gfp::Kernel | mm::Gfp::User));
    page->mapping = this;
    page->index = index;
    page->set(mm::kPageLocked);
    if (is_memory_only()) page->set(mm::kPageSwapBacked);
    remember_space(*this);
    {
        IrqGuard guard(lock_);
        const Result<void> stored = tree_.insert(index, page, kNodes);
        if (stored.ok()) {
            mm::get_page(*page);
            pages_.fetch_add(1, std::memory_order_relaxed);
            cached.fetch_add(1, std::memory_order_relaxed);
            if (is_memory_only()) memory_only.fetch_add(1, std::memory_order_relaxed);
            return page;
        }
        page->mapping = nullptr;
        page->clear(mm::kPageLocked);
        mm::put_page(*page);
        return stored.error();
    }
}

/// Takes the page out of the cache; its reference becomes the caller's.
void AddressSpace::remove_locked(mm::Page& page) {
    void* removed = tree_.erase(page.index, kNodes);
    ASSERT(removed == &page);
    page.mapping = nullptr;
    pages_.fetch_sub(1, std::memory_order_relaxed);
    cached.fetch_sub(1, std::memory_order_relaxed);
    if (is_memory_only()) memory_only.fetch_sub(1, std::memory_order_relaxed);
}

/// The page could not be read in: the next one who wants it tries again.
void AddressSpace::abandon(mm::Page& page) {
    bool was_in_cache;
    {
        IrqGuard guard(lock_);
        was_in_cache = page.mapping == this;  // else truncation was faster
        if (was_in_cache) remove_locked(page);
        page.clear(mm::kPageLocked);
        page_wait_.wake_all();
    }
    if (was_in_cache) mm::put_page(page);
    mm::put_page(page);
}

/// The page at `index`, which the first who asks for it fills; the others wait for him. `blank`:
/// with zeros instead of what the file has there.
Result<mm::Page*> AddressSpace::get_or_read(u64 index, Blank blank) {
    for (;;) {
        {
            IrqGuard guard(lock_);
            auto* page = static_cast<mm::Page*>(tree_.load(index));
            if (page && page->has(mm::kPageUptodate)) {
                mm::get_page(*page);
                return page;
            }
            if (page) {
                page_wait_.sleep_uninterruptible(lock_);
                continue;  // it is there now, or gone: look again
            }
        }
        Result<mm::Page*> created = create_page(index);
        if (!created.ok() && created.error() == EEXIST) continue;
        mm::Page& page = *TRY(std::move(created));
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
        IrqGuard guard(lock_);
        page.set(mm::kPageUptodate);
        page.clear(mm::kPageLocked);
        page_wait_.wake_all();
        return &page;
    }
}

Result<mm::Page*> AddressSpace::read_page(u64 index) { return get_or_read(index, Blank::No); }

Result<mm::Page*> AddressSpace::prepare_write(u64 index, usize from, usize to, u64 file_size) {
    const bool covered = from == 0 && to == kPageSize;
    const bool beyond_end = index >= file_size / kPageSize + (file_size % kPageSize != 0);
    return get_or_read(index, covered || beyond_end ? Blank::Yes : Blank::No);
}

/// Takes up to room.size() pages at or behind `first_index` out of the cache, with the references.
u64 AddressSpace::remove_batch(u64 first_index, std::span<mm::Page*> room) {
    IrqGuard guard(lock_);
    u64 count = 0;
    u64 at = first_index;
    while (count < room.size()) {
        auto* page = static_cast<mm::Page*>(tree_.find(at));
        if (!page) break;
        remove_locked(*page);
        room[count++] = page;
    }
    return count;
}

/// Out of the cache first, out of the page tables then: whoever maps a page checks under the
/// page-table lock that it is still in the cache.
void AddressSpace::truncate(u64 first_index) {
    mm::Page* pages[32];
    while (const u64 count = remove_batch(first_index, pages)) {
        for (u64 i = 0; i < count; i++) mm::put_page(*pages[i]);
    }
    unmap_mapping_range(*this, first_index, ~u64{0});
}

u64 AddressSpace::shrink(u64 wanted) {
    u64 freed = 0;
    u64 at = 0;
    while (freed < wanted) {
        mm::Page* victim = nullptr;
        {
            IrqGuard guard(lock_);
            auto* page = static_cast<mm::Page*>(tree_.find(at));
            if (!page) break;
            // One reference is the cache's own. Others are only added under our lock.
            const bool unused = page->ref_count.load(std::memory_order_acquire) == 1;
            const bool clean = page->has(mm::kPageUptodate) && !page->has(mm::kPageDirty);
            if (unused && clean && !page->has(mm::kPageLocked)) {
                remove_locked(*page);
                victim = page;
            }
        }
        if (victim) {
            mm::put_page(*victim);
            freed++;
        }
        at++;
    }
    return freed;
}

}  // namespace vm
