/// AddressSpace: the page cache of one file, i.e. the pages of it that are in memory, by their
/// index in the file. Linux' struct address_space (despite the name it is not a process's).
///
/// A file system embeds one in its inode and implements AddressSpaceOperations. Everybody who
/// reads, writes or maps the file goes through here, so all see the same bytes.
///
/// Invariants: 1. a page in the cache holds one reference for the cache. 2. page.mapping and
/// page.index name its place while it is in the cache; removal clears `mapping`, under `lock_`.
/// 3. only a page with kPageUptodate may be shown to users; a page without it is locked by the
/// one who reads it in, and all others sleep in `page_wait_`.
#pragma once

#include <span>

#include "core/lock/spin_lock.h"
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

    /// True if the only copy of the data is in memory (tmpfs): such pages are never dropped.
    virtual bool is_memory_only() const { return false; }

protected:
    ~AddressSpaceOperations() = default;
};

/// How an area hangs on the list of its file.
struct MappingLink {
    ListLink link;
    VmArea* area = nullptr;
};
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

    /// Drops all pages from `first_index` on, unmapping them from every process. The caller has
    /// shrunk the file's size before. May sleep.
    void truncate(u64 first_index);

    /// Drops clean pages that nobody uses; returns how many.
    u64 shrink(u64 wanted);

    u64 page_count() const { return pages_.load(std::memory_order_relaxed); }
    bool is_memory_only() const { return ops_.is_memory_only(); }

    void* const host;  // the inode

    /// Guards i_mmap, and the extent of the areas on it. Taken after mmap_lock.
    sched::Mutex i_mmap_mutex{"i_mmap"};
    AreaList i_mmap GUARDED_BY(i_mmap_mutex);  // areas that map the file

private:
    friend struct SpaceList;  // cache/shrink.cc
    enum class Blank : u8 { No, Yes };
    Result<mm::Page*> get_or_read(u64 index, Blank blank);
    Result<mm::Page*> create_page(u64 index);
    void abandon(mm::Page& page);
    void remove_locked(mm::Page& page) REQUIRES(lock_);
    u64 remove_batch(u64 first_index, std::span<mm::Page*> room);

    const AddressSpaceOperations& ops_;
    SpinLock lock_{"page_cache", LockRank::PageCache};
    XArray tree_ GUARDED_BY(lock_);
    sched::WaitQueue page_wait_;  // for a page of this file to be read; lock: lock_
    std::atomic<u64> pages_{0};
    ListLink space_link_;  // in the list the shrinker walks, once it has had a page
};

/// Pages in all page caches: "Cached" in /proc/meminfo; and of those the memory-only ones: "Shmem".
u64 cached_pages();
u64 shmem_pages();

}  // namespace vm
