/// Memory policies of areas.
#pragma once

#include "vm/areas.h"
#include "vm/tables/page_walk.h"

namespace vm {

/// Whether faults in the area follow its own policy. Pages of a file that others share do not.
inline bool has_policy(const VmArea& area) {
    if (!area.policy) return false;
    const AddressSpace* const mapping = mapping_of(area);
    return !mapping || !area.is_shared() || mapping->is_memory_only();
}

/// What is to be done with pages that lie elsewhere.
struct Misplaced {
    bool move;    // to where the policy wants them, if nobody else uses them
    bool strict;  // and if some stay: EIO
};

/// mbind(2): [at, at + bytes) follows `policy` from now on; null: the task's. Takes mmap_lock.
/// EFAULT: a hole. EIO: after it has tried to move them; if it should not, nothing has changed.
/// ENOMEM.
Result<void> set_area_policy(MmStruct& mm, VirtAddr at, u64 bytes, Ref<mm::MemPolicy> policy,
                             Misplaced misplaced);

/// Moves the anonymous page behind the entry for `at` to where the area's policy wants new pages.
/// False: others use it, too, or there is no memory. mmap_lock is held for writing.
bool migrate_page(VmArea& area, VirtAddr at, Pte* entry);

}  // namespace vm
