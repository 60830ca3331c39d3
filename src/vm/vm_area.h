/// VmArea: a range of user addresses with one meaning. Linux' struct vm_area_struct.
///
/// The areas of a process do not overlap and stand in a tree by address (MmStruct::areas); those
/// of a file are also on the file's list (AddressSpace::i_mmap), so that truncation finds them.
///
/// Fields change only with mm->mmap_lock held for writing, and, if there is a file, with its
/// i_mmap_mutex as well.
#pragma once

#include <span>

#include "lib/list.h"
#include "lib/rbtree.h"
#include "lib/result.h"
#include "lib/strong.h"
#include "mm/page.h"
#include "vm/address_space.h"

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
    kVmDontCopy = 1 << 17,  // not in a forked child
    kVmDontExpand = 1 << 18,
    kVmNoReserve = 1 << 21,  // not counted against memory when made
    kVmWipeOnFork = 1 << 25,
    kVmDontDump = 1 << 26,
    kVmHeap = 1 << 30,    // made by brk: "[heap]"
    kVmStack = 1u << 31,  // "[stack]"
};
inline constexpr u32 kVmAccess = kVmRead | kVmWrite | kVmExec;

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

protected:
    ~MappedFile() = default;
};

struct VmArea {
    VirtAddr start, end;  // [start, end), whole pages
    u32 flags = 0;
    /// It has, or had, pages of its own (not of a file). Set by faults, which only read-lock.
    /// False: fork need not look at its page tables. Linux' anon_vma != null.
    std::atomic<bool> has_anon{false};
    u64 page_offset = 0;         // of `start`: in the file, in pages; anonymous: start / page size
    MappedFile* file = nullptr;  // null: anonymous. Holds a reference
    MmStruct* mm = nullptr;
    RbNode node;               // in mm->areas, by start
    MappingLink mapping_link;  // in the file's i_mmap, guarded by its mutex; or on a list of dead

    u64 pages() const { return (end - start) >> kPageShift; }
    bool contains(VirtAddr at) const { return start <= at && at < end; }
    bool is_shared() const { return flags & kVmShared; }
    /// Index in the file of the page at `at`.
    u64 index_of(VirtAddr at) const { return page_offset + ((at - start) >> kPageShift); }
};

}  // namespace vm
