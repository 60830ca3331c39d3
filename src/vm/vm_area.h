/// VmArea: a range of user addresses with one meaning. Linux' struct vm_area_struct.
///
/// The areas of a process do not overlap and stand in a tree by address (MmStruct::areas); those
/// of a file are also in the file's tree (AddressSpace::i_mmap), so that truncation finds them, and
/// those that have had pages of their own in the trees of one or more AnonVma.
///
/// Fields change only with mm->mmap_lock held for writing; the extent, if there is a file, with its
/// i_mmap_mutex as well, and if there is an AnonVma, with the lock of its root.
#pragma once

#include <span>

#include "lib/list.h"
#include "lib/rbtree.h"
#include "lib/result.h"
#include "lib/strong.h"
#include "mm/mempolicy.h"
#include "mm/page.h"
#include "vm/address_space.h"
#include "vm/anon_vma.h"

namespace vm {

class MmStruct;

enum VmFlags : u32 {
    kVmRead = 1 << 0,
    kVmWrite = 1 << 1,
    kVmExec = 1 << 2,
    kVmShared = 1 << 3,
    kVmMayRead = 1 << 4,  // mprotect may add these
    kVmMayWrite = 1 << 5,
    kVmMayExec = 1 << 6,
    kVmGrowsDown = 1 << 8,  // the stack
    kVmPfnMap = 1 << 10,    // device memory: no Page behind the entries
    kVmLocked = 1 << 13,
    kVmSeqRead = 1 << 15,   // will be read in order, or not: readahead may listen
    kVmRandRead = 1 << 16,  //
    kVmDontCopy = 1 << 17,  // not in a forked child
    kVmDontExpand = 1 << 18,
    kVmLockOnFault = 1 << 19,  // with kVmLocked: pages stay once they are there, none is brought in
    kVmNoReserve = 1 << 21,    // not counted against memory when made
    kVmWipeOnFork = 1 << 25,
    kVmDontDump = 1 << 26,
    kVmHugePage = 1 << 27,    // huge pages are wanted here, or not
    kVmNoHugePage = 1 << 28,  //
    kVmHeap = 1 << 30,        // made by brk: "[heap]"
    kVmStack = 1u << 31,      // "[stack]"
};
inline constexpr u32 kVmAccess = kVmRead | kVmWrite | kVmExec;
inline constexpr u32 kVmLocks = kVmLocked | kVmLockOnFault;

/// A file as the address space sees it; fs::File implements it. Counted by its implementer.
class MappedFile {
public:
    virtual void get() = 0;
    virtual void put() = 0;
    /// The page cache behind it; null for a device.
    virtual AddressSpace* mapping() = 0;
    /// For /proc/<pid>/maps: writes the path (at most room.size() bytes), returns its length.
    virtual usize describe(std::span<char> room, u32& device, u64& inode) = 0;
    /// Size in bytes now: faults beyond its last page raise SIGBUS.
    virtual u64 size() = 0;
    /// Whether mincore() may tell the running task which pages are in the cache.
    virtual bool may_show_cache() { return true; }
    /// Of a device (kVmPfnMap): where page `index` of its memory lies. EIO: nowhere.
    virtual Result<PhysAddr> device_page(u64 index) { return EIO; }

protected:
    ~MappedFile() = default;
};

struct VmArea {
    VirtAddr start, end;  // [start, end), whole pages
    u32 flags = 0;
    /// Where its new pages of its own (not of a file) are noted. Set by the first fault for one,
    /// which only read-locks. Null: it has had none, and fork need not look at its page tables.
    std::atomic<AnonVma*> anon_vma{nullptr};
    AreaChain anon_vma_chain;  // in which trees it stands: anon_vma's and those of its ancestors
    /// New since the soft-dirty marks were cleared: all its pages count as written to.
    std::atomic<bool> soft_dirty{true};
    /// Of `start`: in the file, in pages. Anonymous: start / page size, but pages keep their number
    /// when mremap() moves them.
    u64 page_offset = 0;
    MappedFile* file = nullptr;  // null: anonymous. Holds a reference
    Ref<mm::MemPolicy> policy;   // null: that of whoever touches it
    MmStruct* mm = nullptr;
    RbNode node;               // in mm->areas, by start
    MappingLink mapping_link;  // in the file's i_mmap, guarded by its mutex; or on a list of dead

    bool has_anon() const { return anon_vma.load(std::memory_order_relaxed) != nullptr; }

    u64 pages() const { return (end - start) >> kPageShift; }
    bool contains(VirtAddr at) const { return start <= at && at < end; }
    bool is_shared() const { return flags & kVmShared; }
    /// Index in the file of the page at `at`.
    u64 index_of(VirtAddr at) const { return page_offset + ((at - start) >> kPageShift); }
    /// Whether it shows page `index` of that numbering, and where.
    bool shows(u64 index) const { return index - page_offset < pages(); }
    VirtAddr address_of(u64 index) const { return start + (index - page_offset) * kPageSize; }
};

inline u64 MappingEnds::first(const MappingLink& link) { return link.area->page_offset; }
inline u64 MappingEnds::last(const MappingLink& link) {
    return link.area->page_offset + link.area->pages() - 1;
}
inline u64 ChainEnds::first(const AnonVmaChain& chain) { return chain.area->page_offset; }
inline u64 ChainEnds::last(const AnonVmaChain& chain) {
    return chain.area->page_offset + chain.area->pages() - 1;
}

}  // namespace vm
