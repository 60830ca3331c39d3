// Bringing pages back from a swap device: who has entries that lead there. Linux: mm/swapfile.c
// (try_to_unuse).

#include "sched/wait_queue.h"
#include "vm/fault/fault.h"
#include "vm/swap/swap_info.h"

namespace vm {

namespace {

struct MmList {
    SpinLock lock{"swap_mms", LockRank::MmList};
    List<MmStruct, &MmStruct::swap_link> mms GUARDED_BY(lock);
};
constinit MmList mm_list;

struct SpaceSwapList {
    SpinLock lock{"swap_spaces", LockRank::MmList};
    List<AddressSpace, &AddressSpace::swap_link> spaces GUARDED_BY(lock);
    AddressSpace* busy GUARDED_BY(lock) = nullptr;  // must not go yet
    sched::WaitQueue idle;
};
constinit SpaceSwapList space_list;

/// The first one behind `before` (null: from the start) that still has users, with one counted.
MmStruct* next_mm(MmStruct* before) {
    IrqGuard guard(mm_list.lock);
    MmStruct* mm = before ? mm_list.mms.next(*before) : mm_list.mms.front();
    while (mm && !mm->try_get()) mm = mm_list.mms.next(*mm);
    return mm;
}

void unuse_area(MmStruct& mm, VmArea& area, unsigned device) {
    VirtAddr at = area.start;
    while (const LeafSpan span = next_leaf(mm, at, area.end)) {
        for (usize i = 0; i < span.count; i++) {
            const Pte seen = read_pte(&span.first[i]);
            if (!is_swap(seen) || swap_entry_of(seen).device() != device) continue;
            const Fault fault{mm, area, span.at + i * kPageSize, false, &span.first[i], seen};
            if (!do_swap_page(fault).ok()) return;  // the next round tries again
        }
        at = span.end();
    }
}

}  // namespace

void note_mm_has_swap(MmStruct& mm) {
    IrqGuard guard(mm_list.lock);
    if (!mm.swap_link.is_linked()) mm_list.mms.push_back(mm);
}

void forget_mm_has_swap(MmStruct& mm) {
    IrqGuard guard(mm_list.lock);
    if (mm.swap_link.is_linked()) mm_list.mms.remove(mm);
}

void note_space_has_swap(AddressSpace& space) {
    IrqGuard guard(space_list.lock);
    if (!space.swap_link.is_linked()) space_list.spaces.push_back(space);
}

void forget_space_has_swap(AddressSpace& space) {
    IrqGuard guard(space_list.lock);
    while (space_list.busy == &space) space_list.idle.sleep_uninterruptible(space_list.lock);
    if (space.swap_link.is_linked()) space_list.spaces.remove(space);
}

void unuse_mms(unsigned device) {
    MmStruct* before = nullptr;
    while (MmStruct* mm = next_mm(before)) {
        if (before) before->put();
        before = mm;
        sched::ReadGuard guard(mm->mmap_lock);
        for (VmArea& area : mm->areas) {
            if (area.has_anon()) unuse_area(*mm, area, device);
        }
    }
    if (before) before->put();
}

void unuse_spaces(unsigned device) {
    usize left;
    {
        IrqGuard guard(space_list.lock);
        left = space_list.spaces.size();
    }
    for (; left > 0; left--) {
        AddressSpace* space;
        {
            IrqGuard guard(space_list.lock);
            space = space_list.spaces.pop_front();
            if (!space) return;
            space_list.spaces.push_back(*space);
            space_list.busy = space;
        }
        space->bring_back_all(device);
        IrqGuard guard(space_list.lock);
        space_list.busy = nullptr;
        space_list.idle.wake_all();
    }
}

}  // namespace vm
