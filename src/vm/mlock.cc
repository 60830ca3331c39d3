// Memory that stays where it is: mlock() and its relatives. Linux: mm/mlock.c.

#include "abi/prctl.h"
#include "abi/resource.h"
#include "sched/task.h"
#include "vm/lru.h"
#include "vm/tables/page_walk.h"
#include "vm/zap.h"

namespace vm {

namespace {

/// Calls `body(page)` for each page that the area maps in [start, end).
template <class Body>
void for_each_mapped_page(VmArea& area, VirtAddr start, VirtAddr end, Body body) {
    VirtAddr at = start;
    while (const LeafSpan span = next_leaf(*area.mm, at, end)) {
        IrqGuard guard(area.mm->page_table_lock);
        for (usize i = 0; i < span.count; i++) {
            const Pte entry = read_pte(&span.first[i]);
            if (has_page(entry)) body(mm::page_of(entry.pfn()));
        }
        at = span.end();
    }
}

/// Keeps what the locked areas of [start, end) have in memory from being reclaimed.
void mlock_pages(MmStruct& mm, VirtAddr start, VirtAddr end) {
    sched::ReadGuard guard(mm.mmap_lock);
    for (VmArea* area = mm.find_vma(start); area && area->start < end;
         area = mm.areas.next(*area)) {
        if ((area->flags & (kVmLocked | kVmPfnMap)) != kVmLocked) continue;
        for_each_mapped_page(*area, std::max(start, area->start), std::min(end, area->end),
                             mlock_page);
    }
}

}  // namespace

void munlock_pages(VmArea& area) {
    if (area.flags & kVmPfnMap) return;
    // If another locked area maps one of them, too, reclaim finds that out and puts it back.
    for_each_mapped_page(area, area.start, area.end, munlock_page);
}

bool can_do_mlock() {
    return rlimit(abi::RLIMIT_MEMLOCK) != 0 || sched::capable(abi::CAP_IPC_LOCK);
}

bool may_lock_more(const MmStruct& mm, u64 pages) {
    if (sched::current().cred.has(abi::CAP_IPC_LOCK)) return true;
    const u64 limit = rlimit(abi::RLIMIT_MEMLOCK) >> kPageShift;
    const u64 locked = mm.locked_vm.load(std::memory_order_relaxed);
    return pages <= limit && locked <= limit - pages;
}

namespace {

/// Pages of [start, end) that are in locked areas. mmap_lock is held.
u64 locked_within(MmStruct& mm, VirtAddr start, VirtAddr end) {
    u64 pages = 0;
    for (const VmArea* area = mm.find_vma(start); area && area->start < end;
         area = mm.areas.next(*area)) {
        if (!(area->flags & kVmLocked)) continue;
        pages += (std::min(end, area->end) - std::max(start, area->start)) >> kPageShift;
    }
    return pages;
}

u32 flags_of(MmStruct::Lock lock) {
    switch (lock) {
    case MmStruct::Lock::Off: return 0;
    case MmStruct::Lock::On: return kVmLocked;
    default: return kVmLocks;
    }
}

/// EPERM: the caller may lock nothing; ENOMEM: not so much. What is locked already counts once.
Result<void> check_limit(MmStruct& mm, VirtAddr at, u64 bytes) {
    if (!can_do_mlock()) return EPERM;
    const u64 pages = bytes >> kPageShift;
    if (may_lock_more(mm, pages)) return {};
    sched::ReadGuard guard(mm.mmap_lock);
    if (!may_lock_more(mm, pages - locked_within(mm, at, at + bytes))) return ENOMEM;
    return {};
}

}  // namespace

Result<void> MmStruct::mlock(VirtAddr at, u64 bytes, Lock lock) {
    if (lock != Lock::Off) TRY(check_limit(*this, at, bytes));
    if (bytes == 0) return {};
    if (!check_range(at, bytes).ok()) return EINVAL;
    const u32 locks = flags_of(lock);
    TRY(change_flags(at, bytes, locks, kVmLocks & ~locks, Holes::Stop));
    if (lock == Lock::Off) return {};
    const Result<void> done = populate(at, at + bytes, Populate::AsMapped);
    mlock_pages(*this, at, at + bytes);
    if (done.ok()) return {};
    return done.error() == EFAULT ? ENOMEM : done.error() == ENOMEM ? EAGAIN : done.error();
}

Result<void> MmStruct::mlockall(Lock current, Lock future) {
    const bool locks = current != Lock::Off || future != Lock::Off;
    if (locks && !can_do_mlock()) return EPERM;
    const u64 limit = rlimit(abi::RLIMIT_MEMLOCK) >> kPageShift;
    const bool is_too_much = total_vm.load(std::memory_order_relaxed) > limit;
    if (current != Lock::Off && is_too_much && !sched::capable(abi::CAP_IPC_LOCK)) return ENOMEM;
    {
        sched::WriteGuard guard(mmap_lock);
        default_flags = flags_of(future);
        if (current == Lock::Off && future != Lock::Off) return {};
        for (VmArea& area : areas) {
            if (area.flags & kVmPfnMap) continue;
            set_area_flags(area, (area.flags & ~kVmLocks) | flags_of(current));
            if (current == Lock::Off) munlock_pages(area);
        }
    }
    if (current == Lock::Off) return {};
    for (VirtAddr at(0);;) {
        VirtAddr start, end;
        {
            sched::ReadGuard guard(mmap_lock);
            const VmArea* area = find_vma(at);
            if (!area) return {};
            start = area->start;
            end = area->end;
        }
        static_cast<void>(populate(start, end, Populate::AsMapped));
        mlock_pages(*this, start, end);
        at = end;
    }
}

}  // namespace vm
