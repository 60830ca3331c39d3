/// The set of areas of an address space: making, splitting, merging, and the searches.
/// mmap_lock is held for writing unless a line says otherwise.
#pragma once

#include "vm/mm_struct.h"

namespace vm {

/// The page cache behind an area, or null.
inline AddressSpace* mapping_of(const VmArea& area) {
    return area.file ? area.file->mapping() : nullptr;
}

/// Holds the i_mmap_mutex of a file's page cache; of nothing if there is none.
class MappingGuard {
public:
    explicit MappingGuard(AddressSpace* mapping) NO_LOCK_ANALYSIS : mapping_(mapping) {
        if (mapping_) mapping_->i_mmap_mutex.lock();
    }
    ~MappingGuard() NO_LOCK_ANALYSIS {
        if (mapping_) mapping_->i_mmap_mutex.unlock();
    }
    MappingGuard(const MappingGuard&) = delete;

private:
    AddressSpace* mapping_;
};

/// A new area on no list; takes a reference to `file`. ENOMEM.
struct AreaShape {
    VirtAddr start, end;
    u32 flags;
    u64 page_offset = 0;
    MappedFile* file = nullptr;
    Ref<mm::MemPolicy> policy = nullptr;
};
Result<VmArea*> alloc_area(MmStruct& mm, const AreaShape& shape);

/// Frees an area that is on no list. Drops its file, which may sleep: not under mmap_lock if it
/// may be the last reference.
void free_area(VmArea& area);

/// Frees all areas on the list, with mmap_lock free.
void free_dead_areas(AreaList& dead);

/// Adds the area to its address space and its file's tree, and counts it.
void insert_area(VmArea& area);

/// The same when the caller holds the file's i_mmap_mutex.
void insert_area_locked(VmArea& area);

/// Takes it out again, and out of the trees of its pages. It maps nothing any more.
void remove_area(VmArea& area);

/// Moves the ends of an area; `page_offset` follows the start.
void resize_area(VmArea& area, VirtAddr start, VirtAddr end);

/// Cuts the area at `at`, strictly inside: it keeps what is below. Returns the rest. ENOMEM.
Result<VmArea*> split_area(VmArea& area, VirtAddr at);

/// Makes areas begin and end exactly at `start` and `end` where any area spans them. ENOMEM.
Result<void> split_at_ends(MmStruct& mm, VirtAddr start, VirtAddr end);

/// Unites the area with its neighbours where they differ in nothing but their addresses. Returns
/// the one that remains.
VmArea& merge_area(VmArea& area);

/// Where the room above a gap ends: at `area`, or below it by the guard gap if it is a stack.
VirtAddr start_with_gap(const VmArea& area);
inline constexpr u64 kStackGuardGap = 256 * kPageSize;

/// A free range of `bytes` bytes: at `hint` if that is free, else as high as possible below
/// mmap_base. ENOMEM. `below_4g`: MAP_32BIT.
enum class Below : u8 { UserEnd, TwoGib };
Result<VirtAddr> get_unmapped_area(MmStruct& mm, VirtAddr hint, u64 bytes, Below below);

/// True if [start, end) has no area in it.
bool is_range_free(MmStruct& mm, VirtAddr start, VirtAddr end);

/// True if areas cover all of [start, end).
bool is_range_covered(MmStruct& mm, VirtAddr start, VirtAddr end);

/// Adds to the counts of pages by kind: total_vm and the rest.
void account_area(const VmArea& area, i64 pages);

/// ENOMEM if `pages` more with these flags would exceed RLIMIT_AS or RLIMIT_DATA, or are more than
/// the machine could ever provide.
Result<void> may_expand(MmStruct& mm, u64 pages, u32 flags);

/// Gives an area other flags, and accounts for them.
void set_area_flags(VmArea& area, u32 flags);

/// Whether `pages` more of an area with kVmLocked would stay within RLIMIT_MEMLOCK.
bool may_lock_more(const MmStruct& mm, u64 pages);
/// Whether the running task may lock anything at all.
bool can_do_mlock();

/// A limit of the running task's (RLIMIT_*), in bytes.
u64 rlimit(unsigned which);

}  // namespace vm
