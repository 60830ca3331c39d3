// Calls that look at a range or hint at its use: madvise, msync, mincore.

#include <array>

#include "abi/mman.h"
#include "vm/huge/huge.h"
#include "vm/lru.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"
#include "vm/zap.h"

namespace vm {

namespace {

/// Calls `body(area, start, end)` for each piece of [start, end) that has an area. ENOMEM if there
/// was a hole, but only after all pieces were visited; an error of `body` ends the walk.
template <class Body>
Result<void> for_each_piece(MmStruct& mm, VirtAddr start, VirtAddr end, Body body) {
    bool hole = false;
    VirtAddr at = start;
    for (VmArea* area = mm.find_vma(at); at < end; area = mm.areas.next(*area)) {
        if (!area || end <= area->start) return ENOMEM;
        if (at < area->start) hole = true;
        const VirtAddr piece_end = std::min(end, area->end);
        TRY(body(*area, std::max(at, area->start), piece_end));
        at = piece_end;
    }
    if (hole) return ENOMEM;
    return {};
}

/// How madvise() treats a piece of advice.
enum class Advice : u8 {
    Unknown,
    Nothing,
    Discard,
    DiscardLocked,
    DiscardAnonymous,
    Flags,
    Populate,
    Cold,
    PageOut
};

struct AdviceFlags {
    int advice;
    u32 set, clear;
};
constexpr AdviceFlags kFlagAdvice[] = {
    {abi::MADV_DONTFORK, kVmDontCopy, 0},
    {abi::MADV_DOFORK, 0, kVmDontCopy},
    {abi::MADV_DONTDUMP, kVmDontDump, 0},
    {abi::MADV_DODUMP, 0, kVmDontDump},
    {abi::MADV_WIPEONFORK, kVmWipeOnFork, 0},
    {abi::MADV_KEEPONFORK, 0, kVmWipeOnFork},
    {abi::MADV_NORMAL, 0, kVmSeqRead | kVmRandRead},
    {abi::MADV_SEQUENTIAL, kVmSeqRead, kVmRandRead},
    {abi::MADV_RANDOM, kVmRandRead, kVmSeqRead},
    {abi::MADV_HUGEPAGE, kVmHugePage, kVmNoHugePage},
    {abi::MADV_NOHUGEPAGE, kVmNoHugePage, kVmHugePage},
};

const AdviceFlags* find_flag_advice(int advice) {
    for (const AdviceFlags& entry : kFlagAdvice) {
        if (entry.advice == advice) return &entry;
    }
    return nullptr;
}

Advice kind_of(int advice) {
    if (find_flag_advice(advice)) return Advice::Flags;
    switch (advice) {
    case abi::MADV_WILLNEED: return Advice::Nothing;
    case abi::MADV_COLD: return Advice::Cold;
    case abi::MADV_PAGEOUT: return Advice::PageOut;
    case abi::MADV_DONTNEED: return Advice::Discard;
    case abi::MADV_DONTNEED_LOCKED: return Advice::DiscardLocked;
    case abi::MADV_FREE: return Advice::DiscardAnonymous;
    case abi::MADV_POPULATE_READ:
    case abi::MADV_POPULATE_WRITE: return Advice::Populate;
    default: return Advice::Unknown;
    }
}

Result<void> discard(MmStruct& mm, VirtAddr start, VirtAddr end, Advice how) {
    sched::ReadGuard guard(mm.mmap_lock);
    TlbGather gather(mm);
    return for_each_piece(mm, start, end,
                          [&](const VmArea& area, VirtAddr from, VirtAddr to) -> Result<void> {
                              const u32 kept = how == Advice::DiscardLocked ? 0u : u32{kVmLocked};
                              if (area.flags & (kept | kVmPfnMap)) return EINVAL;
                              if (how == Advice::DiscardAnonymous && area.file) return EINVAL;
                              zap_range(gather, mm, from, to);
                              return {};
                          });
}

/// One byte per page of [start, end): whether it is in memory.
void residence(VmArea& area, VirtAddr start, VirtAddr end, u8* vector) {
    AddressSpace* mapping = mapping_of(area);
    if (area.file && !area.file->may_show_cache()) {  // what others read is none of its business
        std::fill_n(vector, (end - start) >> kPageShift, u8{1});
        return;
    }
    for (VirtAddr at = start; at < end; at += kPageSize) {
        bool resident;
        SwapEntry swapped;
        {
            IrqGuard guard(area.mm->page_table_lock);
            const Pte now = user_entry(*area.mm, at);
            resident = has_page(now) || now.present();  // the zero page, too
            if (is_swap(now)) swapped = swap_entry_of(now);
        }
        if (swapped) {
            mm::Page* page = find_swap_cache(swapped);
            resident = page != nullptr;
            if (page) mm::put_page(*page);
        }
        if (!resident && mapping) {
            mm::Page* page = mapping->find_page(area.index_of(at));
            resident = page != nullptr;
            if (page) mm::put_page(*page);
        }
        *vector++ = resident;
    }
}

/// Changes flags of the part [start, end) of an area; returns the area that holds it then. ENOMEM.
Result<VmArea*> change_area(VmArea* area, VirtAddr start, VirtAddr end, u32 flags) {
    if (flags == area->flags) return area;
    if (area->start < start) area = TRY(split_area(*area, start));
    if (end < area->end) TRY(split_area(*area, end));
    const bool was_locked = (area->flags & ~flags) & kVmLocked;
    set_area_flags(*area, flags);
    if (was_locked) munlock_pages(*area);
    return &merge_area(*area);
}

}  // namespace

/// Changes flags of the areas in a range. ENOMEM for a hole, at which `holes` ends or goes on.
Result<void> MmStruct::change_flags(VirtAddr at, u64 bytes, u32 set, u32 clear, Holes holes) {
    sched::WriteGuard guard(mmap_lock);
    const VirtAddr end = at + bytes;
    bool hole = false;
    for (VmArea* area = find_vma(at); at < end; area = areas.next(*area)) {
        if (area && at < area->start && holes == Holes::Skip) {
            hole = true;
            at = area->start;
            if (at >= end) break;
        }
        if (!area || at < area->start) return ENOMEM;
        const bool is_device = area->flags & kVmPfnMap;
        if ((set & kVmWipeOnFork) && (area->file || area->is_shared())) return EINVAL;
        if ((clear & (kVmDontDump | kVmDontCopy)) && is_device) return EINVAL;
        if (((set | clear) & kVmLocked) && is_device) {  // it never goes anyway
            at = area->end;
            continue;
        }
        area = TRY(change_area(area, at, end, (area->flags & ~clear) | set));
        at = area->end;
    }
    return hole ? Result<void>(ENOMEM) : Result<void>();
}

Result<void> MmStruct::madvise(VirtAddr at, u64 bytes, int advice) {
    const Advice kind = kind_of(advice);
    if (kind == Advice::Unknown || !is_aligned(at.raw(), kPageSize)) return EINVAL;
    if (bytes == 0) return {};
    if (at + align_up(bytes, kPageSize) <= at) return EINVAL;
    if (!check_range(at, bytes).ok()) return ENOMEM;
    const VirtAddr end = at + bytes;
    switch (kind) {
    case Advice::Discard:
    case Advice::DiscardLocked:
    case Advice::DiscardAnonymous: return discard(*this, at, end, kind);
    case Advice::Flags: {
        const AdviceFlags& flags = *find_flag_advice(advice);
        return change_flags(at, bytes, flags.set, flags.clear, Holes::Skip);
    }
    case Advice::Cold:
    case Advice::PageOut: {
        sched::ReadGuard guard(mmap_lock);
        return for_each_piece(*this, at, end,
                              [&](VmArea& area, VirtAddr from, VirtAddr to) -> Result<void> {
                                  if (area.flags & (kVmLocked | kVmPfnMap)) return EINVAL;
                                  if (kind == Advice::Cold) {
                                      deactivate_range(*this, from, to);
                                  } else {
                                      reclaim_range(*this, from, to);
                                  }
                                  return {};
                              });
    }
    case Advice::Populate: {
        const bool write = advice == abi::MADV_POPULATE_WRITE;
        return populate(at, end, write ? Populate::Write : Populate::Read);
    }
    default: {
        sched::ReadGuard guard(mmap_lock);
        return is_range_covered(*this, at, end) ? Result<void>() : ENOMEM;
    }
    }
}

/// Shared mappings show the page cache itself, so nothing has to be carried over; bringing it to a
/// disk is the file system's and comes with the first one that has a disk.
Result<void> MmStruct::msync(VirtAddr at, u64 bytes, int flags) {
    constexpr int kKnown = abi::MS_ASYNC | abi::MS_INVALIDATE | abi::MS_SYNC;
    if ((flags & ~kKnown) || !is_aligned(at.raw(), kPageSize)) return EINVAL;
    if ((flags & abi::MS_ASYNC) && (flags & abi::MS_SYNC)) return EINVAL;
    if (bytes == 0) return {};
    if (!check_range(at, bytes).ok()) return ENOMEM;
    sched::ReadGuard guard(mmap_lock);
    return for_each_piece(*this, at, at + bytes,
                          [&](const VmArea& area, VirtAddr, VirtAddr) -> Result<void> {
                              const bool locked = area.flags & kVmLocked;
                              if ((flags & abi::MS_INVALIDATE) && locked) return EBUSY;
                              return {};
                          });
}

Result<void> MmStruct::mincore(VirtAddr at, u64 pages, u8* vector) {
    sched::ReadGuard guard(mmap_lock);
    const VirtAddr end = at + pages * kPageSize;
    if (!is_range_covered(*this, at, end)) return ENOMEM;
    return for_each_piece(*this, at, end,
                          [&](VmArea& area, VirtAddr from, VirtAddr to) -> Result<void> {
                              residence(area, from, to, vector + ((from - at) >> kPageShift));
                              return {};
                          });
}

}  // namespace vm
