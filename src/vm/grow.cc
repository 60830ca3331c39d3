// The two areas that grow by themselves: the heap through brk(), the stack through faults.

#include "abi/resource.h"
#include "arch/layout.h"
#include "vm/zap.h"

namespace vm {

/// brk() under the lock: the new break, or the present one if nothing changed.
VirtAddr MmStruct::change_brk(VirtAddr wanted, AreaList& dead) {
    if (wanted < start_brk || wanted > arch::kUserEnd) return brk_end;
    const u64 data = (wanted - start_brk) + (end_data - start_data);
    if (data > rlimit(abi::RLIMIT_DATA)) return brk_end;

    const VirtAddr old_top = page_up(brk_end), new_top = page_up(wanted);
    if (new_top < old_top) {
        if (!do_munmap(*this, new_top, old_top, dead).ok()) return brk_end;
    } else if (new_top > old_top) {
        constexpr u32 kFlags = kVmRead | kVmWrite | kVmMayRead | kVmMayWrite | kVmMayExec | kVmHeap;
        const u32 flags = kFlags | default_flags;
        const VmArea* next = find_vma(old_top);
        if (next && new_top + kPageSize > start_with_gap(*next)) return brk_end;
        if (area_count >= kMaxMapCount) return brk_end;
        const u64 pages = (new_top - old_top) >> kPageShift;
        if (!may_expand(*this, pages, flags).ok()) return brk_end;
        if ((flags & kVmLocked) && !may_lock_more(*this, pages)) return brk_end;
        Result<VmArea*> area = alloc_area(*this, {old_top, new_top, flags});
        if (!area.ok()) return brk_end;
        insert_area(*area.value());
        merge_area(*area.value());
    }
    brk_end = wanted;
    return wanted;
}

VirtAddr MmStruct::brk(VirtAddr wanted) {
    AreaList dead;
    mmap_lock.down_write();
    const VirtAddr before = brk_end;
    const VirtAddr after = change_brk(wanted, dead);
    const bool locked = default_flags & kVmLocked;
    mmap_lock.up_write();
    free_dead_areas(dead);
    if (locked && after > before) {
        static_cast<void>(populate(page_up(before), page_up(after), Populate::AsMapped));
    }
    return after;
}

/// Lets the stack area above `at` reach down to it. EFAULT: there is none, or it would exceed
/// RLIMIT_STACK or come closer than the guard gap to what is below. ENOMEM.
Result<void> MmStruct::expand_stack(VirtAddr at) {
    sched::WriteGuard guard(mmap_lock);
    VmArea* area = find_vma(at);
    if (!area || !(area->flags & kVmGrowsDown)) return EFAULT;
    if (area->start <= at) return {};  // another thread was faster
    const VirtAddr start = page_down(at);
    if (start < arch::kUserMin) return EFAULT;

    const VmArea* below = areas.prev(*area);
    const bool in_the_way = below && (below->flags & kVmAccess) && !(below->flags & kVmGrowsDown);
    if (in_the_way && start - std::min(start, below->end) < kStackGuardGap) return EFAULT;
    if (below && start < below->end) return EFAULT;
    if ((area->start - start) >> kPageShift > area->page_offset) return EFAULT;  // was moved
    if (area->end - start > rlimit(abi::RLIMIT_STACK)) return EFAULT;
    const u64 pages = (area->start - start) >> kPageShift;
    if (!may_expand(*this, pages, area->flags).ok()) return EFAULT;
    if ((area->flags & kVmLocked) && !may_lock_more(*this, pages)) return EFAULT;
    resize_area(*area, start, area->end);
    return {};
}

}  // namespace vm
