// Pages brought in before anybody touches them: MAP_POPULATE, mlock, MADV_POPULATE_*. Linux:
// populate_vma_page_range(), faultin_vma_page_range() in mm/gup.c.

#include "sched/task.h"
#include "vm/mm_struct.h"

namespace vm {

/// AsMapped: for writing where the area is private and writable, skipping areas without access.
Result<void> MmStruct::populate(VirtAddr at, VirtAddr end, Populate how) {
    while (at < end) {
        if (sched::fatal_signal_pending(sched::current())) return EINTR;
        upcall::Access access =
            how == Populate::Write ? upcall::Access::Write : upcall::Access::Read;
        if (how == Populate::AsMapped) {
            sched::ReadGuard guard(mmap_lock);
            const VmArea* area = find_vma(at);
            if (!area || at < area->start) return ENOMEM;
            if (!(area->flags & kVmAccess)) {
                at = area->end;
                continue;
            }
            const bool writes = (area->flags & (kVmWrite | kVmShared)) == kVmWrite;
            if (writes) access = upcall::Access::Write;
        }
        Result<FaultKind> done = handle_mm_fault(at, access);
        if (!done.ok()) {
            return done.error() == EACCES ? EINVAL : done.error() == EFAULT ? ENOMEM : done.error();
        }
        at += kPageSize;
    }
    return {};
}

}  // namespace vm
