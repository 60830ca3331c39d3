/// Swap space: where pages go that have no file. Linux: mm/swapfile.c, mm/swap_state.c.
///
/// A device has slots of one page each. For each slot there is a count of the entries that name it
/// (in page tables, and in the page caches of memory-only files), and whether a page in memory
/// stands for it: the *swap cache*. Such a page is found under the slot's number, so all who share
/// a slot get the same page back, and one that is being written is found by who faults on it.
///
///     add_to_swap()         a slot, and the page enters the cache under it
///     try_to_unmap()        entries become swap entries: count up
///     swap_writepage()      to the device
///     (reclaim frees it)    leaves the cache; the slot has its count left
///     do_swap_page()        reads it into the cache, maps it: count down
///     count 0, not cached   the slot is free
///
/// Invariants: 1. a page in the swap cache holds one reference for it, has kPageSwapCache, and its
/// entry in private_data. Both change only with the page locked. 2. A slot is in use exactly if its
/// count is not 0 or it is cached. All under SwapInfo::lock.
#pragma once

#include <span>

#include "core/lock/spin_lock.h"
#include "lib/result.h"
#include "lib/xarray.h"
#include "mm/page.h"
#include "vm/mm_struct.h"
#include "vm/swap/swap_entry.h"

namespace vm {

/// What keeps the slots: a block device, or the blocks of a file.
class SwapBackend {
public:
    /// Fills the page; it is locked. EIO. May sleep.
    virtual Result<void> read(mm::Page& page, u64 slot) = 0;
    /// Begins to write the page, which has kPageWriteback; swap_write_end() when that is over.
    virtual void write(mm::Page& page, u64 slot) = 0;
    /// The path, for /proc/swaps.
    virtual usize describe(std::span<char> room) = 0;
    virtual bool is_file() const = 0;
    /// No longer used.
    virtual void release() = 0;

protected:
    ~SwapBackend() = default;
};
void swap_write_end(mm::Page& page, bool ok);

/// What swapon(2) has learnt.
struct SwapArea {
    SwapBackend* backend;
    u64 pages;                 // slots, the header included
    std::span<const u32> bad;  // slots that cannot be used
    int priority;              // < 0: choose one below all others
};
inline constexpr unsigned kMaxSwapDevices = 8;

/// Makes the area usable. ENOMEM; EPERM: too many; EINVAL: no usable slot. May sleep.
Result<void> add_swap_area(const SwapArea& area);
/// Brings all pages back and gives the backend up, the one for which `matches` holds. EINVAL: there
/// is none; ENOMEM: they would not fit; EINTR: a signal that kills. May sleep.
Result<void> remove_swap_area(bool (*matches)(SwapBackend&, void*), void* context);

/// For /proc/swaps, sysinfo and meminfo; in pages.
struct SwapReport {
    SwapBackend& backend;
    u64 pages, used;
    int priority;
};
void for_each_swap_area(void (*body)(const SwapReport&, void*), void* context);
u64 total_swap_pages();
u64 free_swap_pages();
inline bool is_swap_full() { return free_swap_pages() * 2 < total_swap_pages(); }

// --- slots. Any context where a lock of rank Swap may be taken.

/// One entry more names the slot; false: too many do.
bool swap_duplicate(SwapEntry entry);
/// One entry less. The slot is free if it was the last and there is no page in the cache.
void swap_free(SwapEntry entry);
/// As swap_free(), and drops the cached page if nobody needs it any more.
void free_swap_and_cache(SwapEntry entry);
u32 swap_count(SwapEntry entry);

// --- the swap cache.

/// Gives the locked page a slot and enters it into the swap cache; it is dirty then. False: there
/// is no slot or no memory.
bool add_to_swap(mm::Page& page);
/// The page that stands for the slot, with a reference; null: none.
mm::Page* find_swap_cache(SwapEntry entry);
/// The same, read in if necessary, together with its neighbours. ENOENT: the slot is not in use any
/// more; ENOMEM. The page need not be up to date: then reading failed. May sleep.
Result<mm::Page*> swapin_readahead(SwapEntry entry);
/// Takes a locked page out of the swap cache; the cache's reference becomes the caller's.
void delete_from_swap_cache(mm::Page& page);
/// For reclaim: if nobody but the cache and the caller uses the locked page, and it is clean, takes
/// it out; its reference count is 0 then.
bool remove_from_swap_cache_if_unused(mm::Page& page);
/// If no entry names the slot of the locked page any more, takes it out of the cache.
bool try_to_free_swap(mm::Page& page);
/// Writes the locked page, and unlocks it.
void swap_writepage(mm::Page& page);

/// The address space has an entry that leads to swap space: remove_swap_area() must find it.
void note_mm_has_swap(MmStruct& mm);
void forget_mm_has_swap(MmStruct& mm);

/// For the page caches of memory-only files; swap/unuse.cc.
void note_space_has_swap(AddressSpace& space);
void forget_space_has_swap(AddressSpace& space);

extern constinit std::atomic<u32> page_cluster;  // read 2^n slots at once

}  // namespace vm
