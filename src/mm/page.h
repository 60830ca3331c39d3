/// Page: what the kernel knows about one page frame. There is one for every frame of RAM, in the
/// array at kVmemmap, so frame number, Page and address in the direct map follow from each other
/// by arithmetic.
///
/// Who owns the fields depends on what the frame is used for (`flags`):
///     free       buddy: link, order, migrate_type; zone lock
///     slab       mm/slab/: slab_*; link: the node's list_lock
///     page cache vm/address_space.cc: mapping, index; its lock
///     anonymous  anon_vma, index: where it may be mapped (vm/rmap.h)
///     page table, kernel memory: nothing
///
/// A *compound page* (Gfp::Comp) is a block of 2^order frames that are used as one: the first is
/// the head and has kPageHead and the order; the others are tails and name it. There is one
/// reference count for all, the head's; the last put_page() frees the block. map_count is counted
/// for each frame; mappings of the whole block by one entry are counted in compound_map_count of
/// the first tail.
#pragma once

#include <atomic>
#include <cstddef>

#include "arch/layout.h"
#include "lib/list.h"
#include "lib/strong.h"

namespace vm {
class AddressSpace;
struct AnonVma;
}  // namespace vm

namespace mm {

struct KmemCache;

enum PageFlags : u32 {
    kPageReserved = 1 << 0,     // firmware, kernel image, holes: never in the buddy allocator
    kPageBuddy = 1 << 1,        // head of a free block
    kPageSlab = 1 << 2,         // head of a slab
    kPageHead = 1 << 3,         // head of a compound page; also of a large kmalloc()
    kPageTail = 1 << 4,         // `head` names the first page
    kPageUptodate = 1 << 5,     // page cache: holds the file's data
    kPageDirty = 1 << 6,        // page cache: newer than the disk
    kPageLocked = 1 << 7,       // page cache: I/O in progress
    kPageAnon = 1 << 8,         // belongs to a process, not to a file
    kPageTable = 1 << 9,        // holds page-table entries
    kPagePcp = 1 << 10,         // on a processor's free list
    kPageSwapBacked = 1 << 11,  // page cache: this is the only copy (tmpfs, shared memory)
    // Reclaim: vm/lru.h
    kPageLru = 1 << 12,          // on an LRU list, through `link`
    kPageActive = 1 << 13,       // … one of the active ones
    kPageReferenced = 1 << 14,   // used since the last look
    kPageWriteback = 1 << 15,    // being written out
    kPageSwapCache = 1 << 16,    // private_data is its place in swap space
    kPageUnevictable = 1 << 17,  // may not be reclaimed
    kPageMlocked = 1 << 18,      // … because of mlock()
    kPageReclaim = 1 << 19,      // to be freed as soon as it is written
    kPageWorkingset = 1 << 20,   // was on the active list before it was reclaimed
    kPageLruPending = 1 << 21,   // in a processor's batch of pages to be put on a list
    kPageLruDead = 1 << 22,      // … and nobody uses it any more: the batch frees it
    kPageWaiters = 1 << 23,      // somebody sleeps until kPageLocked or kPageWriteback changes
};

struct alignas(64) Page {
    std::atomic<u32> flags;
    std::atomic<u32> ref_count;  // 0: free. Users: page tables, the page cache, whoever holds it
    std::atomic<u32> map_count;  // page-table entries that map it
    u8 order;                    // head of a free block or compound page
    u8 zone;                     // zone_of() translates it; set once, at boot
    u8 migrate_type;             // of a free page: which free list it is on
    ListLink link;               // free list, LRU list, partial list, or the owner's own
    union {
        vm::AddressSpace* mapping;  // page cache
        vm::AnonVma* anon_vma;      // kPageAnon
        KmemCache* slab_cache;
        Page* head;  // tail of a compound page
    };
    union {
        u64 index;                            // page cache: offset in the file, in pages
        Page* slab_next;                      // the next slab of a processor's partial ones
        std::atomic<u32> compound_map_count;  // first tail: entries that map the whole block
    };
    union {
        u64 private_data;   // the owner's own
        u64 slab_freelist;  // first free object; changes together with what follows
    };
    u64 slab_counters;  // mm/slab/internal.h, SlabCounters

    bool has(PageFlags flag) const { return flags.load(std::memory_order_relaxed) & flag; }
    void set(PageFlags flag) { flags.fetch_or(flag, std::memory_order_relaxed); }
    void clear(PageFlags flag) { flags.fetch_and(~u32{flag}, std::memory_order_relaxed); }
};
static_assert(sizeof(Page) == 64);
static_assert(offsetof(Page, slab_freelist) % 16 == 0);  // for cmpxchg16b

inline Page& page_of(Pfn pfn) { return reinterpret_cast<Page*>(arch::kVmemmap.raw())[pfn.raw()]; }
inline Pfn pfn_of(const Page& page) {
    return Pfn(&page - reinterpret_cast<const Page*>(arch::kVmemmap.raw()));
}
inline PhysAddr phys_of(const Page& page) { return start_of(pfn_of(page)); }
/// The page's bytes in the direct map.
template <class T = std::byte>
T* bytes_of(const Page& page) {
    return arch::phys_to_virt<T>(phys_of(page));
}
/// The Page behind a pointer into the direct map.
inline Page& page_of(const void* in_direct_map) {
    return page_of(::pfn_of(arch::virt_to_phys(in_direct_map)));
}

/// The first page of the compound page that `page` is part of; any other page itself.
inline Page& compound_head(Page& page) { return page.has(kPageTail) ? *page.head : page; }
/// The order of the compound page of which `page` is the head; 0 if it is not a head.
inline unsigned compound_order(const Page& page) { return page.has(kPageHead) ? page.order : 0; }
/// How many frames the block has.
inline u64 compound_pages(const Page& head) { return u64{1} << compound_order(head); }

/// True if the frame has a Page: it lies in RAM the firmware told us about.
bool has_page(Pfn pfn);

}  // namespace mm
