/// AddressSpace: the page cache of one file, i.e. the pages of it that are in memory, by their
/// index in the file. Linux' struct address_space (despite the name it is not a process's).
///
/// A file system embeds one in its inode and implements AddressSpaceOperations. Everybody who
/// reads, writes or maps the file goes through here, so all see the same bytes.
///
/// Invariants: 1. a page in the cache holds one reference for the cache. 2. page.mapping and
/// page.index name its place while it is in the cache; removal clears `mapping`, with the page
/// locked (page_lock.h) and under `lock_`. So who holds a page's lock and sees that it is in the
/// cache may use the AddressSpace. 3. only a page with kPageUptodate may be shown to users; a page
/// without it is locked by the one who reads it in. 4. in the place of a page of a memory-only file
/// there may be a swap entry, which counts as one that names the slot.
#pragma once

#include <span>

#include "core/lock/spin_lock.h"
#include "lib/interval_tree.h"
#include "lib/list.h"
#include "lib/result.h"
#include "lib/xarray.h"
#include "mm/page.h"
#include "sched/mutex.h"

namespace vm {

class AddressSpace;
struct VmArea;

/// What a file system does for its page cache. No state in it; one constant object per file system.
class AddressSpaceOperations {
public:
    /// Fills `page`, which is locked and at its place in the cache: EIO and what else reading may
    /// yield. Bytes beyond the end of the file are zero.
    virtual Result<void> read_page(AddressSpace& mapping, mm::Page& page) const = 0;

    /// A clean page, locked, is about to become dirty through a mapping: room on the disk can be
    /// set aside. ENOSPC, EDQUOT, EIO: it may not. May sleep.
    virtual Result<void> page_mkwrite(AddressSpace&, mm::Page&) const { return {}; }

    /// True if the only copy of the data is in memory (tmpfs): such pages can only be moved to swap
    /// space.
    virtual bool is_memory_only() const { return false; }

    /// Begins to write `page`, which is locked and has kPageDirty; unlocks it. The page is clean
    /// and has kPageWriteback until end_page_writeback(). Any error: it stays dirty. Reclaim calls
    /// it, so no memory may be waited for.
    virtual Result<void> write_page(AddressSpace& mapping, mm::Page& page) const {
        return EOPNOTSUPP;
    }
    virtual bool can_write_pages() const { return false; }

protected:
    ~AddressSpaceOperations() = default;
};

/// How an area hangs in the tree of its file, by the part of the file that it shows.
struct MappingLink {
    RbNode node;
    u64 reach = 0;  // the tree's own
    VmArea* area = nullptr;
    ListLink link;  // on a list of areas to be freed
};
struct MappingEnds {  // vm_area.h
    static u64 first(const MappingLink& link);
    static u64 last(const MappingLink& link);
    static u64& reach(MappingLink& link) { return link.reach; }
};
using MappingTree = IntervalTree<MappingLink, &MappingLink::node, MappingEnds>;
using AreaList = List<MappingLink, &MappingLink::link>;

class AddressSpace {
public:
    constexpr AddressSpace(const AddressSpaceOperations& ops, void* host) : host(host), ops_(ops) {}
    ~AddressSpace();  // asserts that it is empty: truncate(0) first
    AddressSpace(const AddressSpace&) = delete;

    /// The page at `index`, with a reference, read in if necessary. ENOMEM, or why reading failed.
    /// May sleep.
    Result<mm::Page*> read_page(u64 index);

    /// The page at `index` for writing the bytes [from, to) of it: read in first unless they cover
    /// it completely or the page is new beyond `file_size`. With a reference. May sleep.
    Result<mm::Page*> prepare_write(u64 index, usize from, usize to, u64 file_size);

    /// The page if it is there and up to date, with a reference; else null. Does not sleep.
    mm::Page* find_page(u64 index);

    /// The pages [index, index + room.size()) likewise, null where there is none; takes the lock
    /// only once.
    void find_pages(u64 index, std::span<mm::Page*> room);

    /// Of a memory-only file: there is no page at `index`, neither in memory nor in swap space.
    bool is_hole(u64 index);

    /// Drops all pages from `first_index` on, unmapping them from every process. The caller has
    /// shrunk the file's size before. May sleep.
    void truncate(u64 first_index);

    /// Drops clean pages that nobody uses; returns how many.
    u64 shrink(u64 wanted);

    /// Waits for whoever reads, writes or dirties the page, and keeps the others waiting.
    void lock_page(mm::Page& page);
    void unlock_page(mm::Page& page);

    /// Marks the page as newer than the disk, if it is in this cache still; or as equal, in which
    /// case it is locked: true if it was dirty.
    void set_page_dirty(mm::Page& page);
    bool clear_page_dirty(mm::Page& page);

    /// Before an entry makes `page` writable: dirties it, after the file system has been asked if
    /// it was clean. Returns with the page locked; unlock_page() once the entry is there. EAGAIN:
    /// it was truncated; and what AddressSpaceOperations::page_mkwrite() says. May sleep.
    Result<void> begin_mapped_write(mm::Page& page);

    // --- for reclaim; the page is locked and in this cache
    /// If nobody but the cache and the caller uses the page and it is clean, takes it out; its
    /// reference count is 0 then.
    bool remove_if_unused(mm::Page& page);
    /// Of a memory-only file: leaves a swap entry in the place of the page, which goes to the swap
    /// cache. False: it is in use, or there is no room.
    bool move_to_swap(mm::Page& page);
    Result<void> write_page(mm::Page& page) { return ops_.write_page(*this, page); }
    bool can_write_pages() const { return ops_.can_write_pages(); }
    /// Brings pages back from that swap device, as many as it can. May sleep.
    void bring_back_all(unsigned device);

    /// Pages it has, in memory or in swap space.
    u64 page_count() const { return pages_.load(std::memory_order_relaxed); }
    bool is_memory_only() const { return ops_.is_memory_only(); }

    void* const host;  // the inode

    /// Guards i_mmap, and the extent of the areas on it. Taken after mmap_lock.
    sched::Mutex i_mmap_mutex{"i_mmap"};
    MappingTree i_mmap GUARDED_BY(i_mmap_mutex);  // areas that map the file

    ListLink swap_link;  // among those with pages in swap space (swap/unuse.cc)

private:
    friend struct SpaceList;  // cache/shrink.cc
    enum class Blank : u8 { No, Yes };
    Result<mm::Page*> get_or_read(u64 index, Blank blank);
    Result<mm::Page*> create_page(u64 index);
    mm::Page* page_at(u64 index, u64& swapped) REQUIRES(lock_);
    Result<void> bring_back(u64 index, u64 swapped);
    Result<mm::Page*> fill(mm::Page& page, Blank blank);
    void abandon(mm::Page& page);
    void count_resident(i64 by);
    void remove_locked(mm::Page& page) REQUIRES(lock_);
    bool clear_page_dirty_locked(mm::Page& page) REQUIRES(lock_);
    bool freeze_and_remove(mm::Page& page, u32 references) REQUIRES(lock_);
    u64 find_batch(u64 first_index, std::span<mm::Page*> room);
    void truncate_page(mm::Page& page);

    const AddressSpaceOperations& ops_;
    SpinLock lock_{"page_cache", LockRank::PageCache};
    XArray tree_ GUARDED_BY(lock_);
    std::atomic<u64> pages_{0};
    ListLink space_link_;  // in the list the shrinker walks, once it has had a page
};

/// Pages in all page caches: "Cached" in /proc/meminfo; and of those the memory-only ones: "Shmem".
u64 cached_pages();
u64 shmem_pages();
/// Pages that are newer than the disk: "Dirty".
u64 dirty_pages();

}  // namespace vm
