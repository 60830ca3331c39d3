/// Page: what the kernel knows about one page frame. There is one for every frame of RAM, in the
/// array at kVmemmap, so frame number, Page and address in the direct map follow from each other
/// by arithmetic.
///
/// Who owns the fields depends on what the frame is used for (`flags`):
///     free       buddy: link, order; zone lock
///     slab       mm/slab.cc: slab_*; the cache's lock
///     page cache vm/address_space.cc: mapping, index; its lock
///     anonymous  mapping null; mapcount counts the page tables that map it
///     page table, kernel memory: nothing
#pragma once

#include <atomic>

#include "arch/layout.h"
#include "lib/list.h"
#include "lib/strong.h"

namespace vm {
class AddressSpace;
}

namespace mm {

class KmemCache;

enum PageFlags : u32 {
    kPageReserved = 1 << 0,     // firmware, kernel image, holes: never in the buddy allocator
    kPageBuddy = 1 << 1,        // head of a free block
    kPageSlab = 1 << 2,         // head of a slab
    kPageHead = 1 << 3,         // head of a compound page
    kPageTail = 1 << 4,         // `head` names the first page
    kPageUptodate = 1 << 5,     // page cache: holds the file's data
    kPageDirty = 1 << 6,        // page cache: newer than the disk
    kPageLocked = 1 << 7,       // page cache: I/O in progress
    kPageAnon = 1 << 8,         // belongs to a process, not to a file
    kPageTable = 1 << 9,        // holds page-table entries
    kPagePcp = 1 << 10,         // on a processor's free list
    kPageSwapBacked = 1 << 11,  // page cache: this is the only copy (tmpfs, shared memory)
};

struct alignas(64) Page {
    std::atomic<u32> flags;
    std::atomic<u32> ref_count;  // 0: free. Users: page tables, the page cache, whoever holds it
    std::atomic<u32> map_count;  // page-table entries that map it
    u8 order;                    // head of a free block or compound page
    u8 zone;                     // index into mm::zones
    u16 slab_in_use;             // objects handed out
    ListLink link;               // free list, partial list, or the owner's own
    union {
        vm::AddressSpace* mapping;  // page cache
        KmemCache* slab_cache;
        Page* head;  // tail of a compound page
    };
    union {
        u64 index;            // page cache: offset in the file, in pages
        void* slab_freelist;  // first free object
    };
    u64 private_data;  // the owner's own

    bool has(PageFlags flag) const { return flags.load(std::memory_order_relaxed) & flag; }
    void set(PageFlags flag) { flags.fetch_or(flag, std::memory_order_relaxed); }
    void clear(PageFlags flag) { flags.fetch_and(~u32{flag}, std::memory_order_relaxed); }
};
static_assert(sizeof(Page) == 64);

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

/// True if the frame has a Page: it lies in RAM the firmware told us about.
bool has_page(Pfn pfn);

}  // namespace mm
