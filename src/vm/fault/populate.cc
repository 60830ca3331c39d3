// Pages brought in before anybody touches them: MAP_POPULATE, mlock, MADV_POPULATE_*. Linux:
// populate_vma_page_range(), faultin_vma_page_range() in mm/gup.c.

#include "sched/task.h"
#include "vm/mm_struct.h"

namespace vm {

/// Where the next page lies that is to come in, from `at` on: there, or behind an area whose pages
/// come when they are touched. `access`: for writing where the area is private and writable.
/// ENOMEM: there is no area; EFAULT: nobody may use it.
Result<VirtAddr> MmStruct::next_to_populate(VirtAddr at, upcall::Access& access) {
    sched::ReadGuard guard(mmap_lock);
    const VmArea* area = find_vma(at);
    if (!area || at < area->start) return ENOMEM;
    if (area->flags & kVmLockOnFault) return VirtAddr(area->end);
    if (!(area->flags & kVmAccess)) return EFAULT;
    const bool writes = (area->flags & (kVmWrite | kVmShared)) == kVmWrite;
    access = writes ? upcall::Access::Write : upcall::Access::Read;
    return VirtAddr(at);
}

Result<void> MmStruct::populate(VirtAddr at, VirtAddr end, Populate how) {
    upcall::Access access = how == Populate::Write ? upcall::Access::Write : upcall::Access::Read;
    while (at < end) {
        if (sched::fatal_signal_pending(sched::current())) return EINTR;
        if (how == Populate::AsMapped) {
            const VirtAddr next = TRY(next_to_populate(at, access));
            if (next != at) {
                at = next;
                continue;
            }
        }
        const Result<FaultKind> done = handle_mm_fault(at, access);
        if (!done.ok()) {
            if (done.error() == EACCES) return EINVAL;
            return done.error() == EFAULT || done.error() == ENOMEM ? ENOMEM : EFAULT;
        }
        at += kPageSize;
    }
    return {};
}

}  // namespace vm
