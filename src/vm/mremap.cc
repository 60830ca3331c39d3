// mremap(): a mapping that grows, shrinks or moves together with its pages.

#include <array>

#include "abi/mman.h"
#include "arch/layout.h"
#include "vm/zap.h"

namespace vm {

namespace {

struct Move {
    VirtAddr old;
    u64 old_bytes;
    VirtAddr to;  // with MREMAP_FIXED
    u64 new_bytes;
    u32 flags;  // MREMAP_*
};

/// Moves the entries of [from, from + bytes) to `to`. All tables there exist. The caller holds
/// the locks of the trees that both areas stand in, so truncation and reclaim find each page at
/// one of the two places.
void move_entries(TlbGather& gather, MmStruct& mm, VirtAddr from, VirtAddr to, u64 bytes) {
    VirtAddr at = from;
    while (const LeafSpan span = next_leaf(mm, at, from + bytes)) {
        IrqGuard guard(mm.page_table_lock);
        for (usize i = 0; i < span.count; i++) {
            if (span.first[i].is_none()) continue;
            const VirtAddr source = span.at + i * kPageSize;
            Pte* target = find_pte(*mm.page_table, to + (source - from));
            const Pte entry = exchange_pte(&span.first[i], Pte{0});
            if (entry.present()) gather.note(source);
            set_pte(target,
                    has_page(entry) || is_swap(entry) ? entry.with(Pte::kSoftDirty) : entry);
        }
        at = span.end();
    }
}

/// Makes the tables that move_entries() will need. ENOMEM.
Result<void> prepare_tables(MmStruct& mm, VirtAddr from, VirtAddr to, u64 bytes) {
    VirtAddr at = from;
    while (const LeafSpan span = next_leaf(mm, at, from + bytes)) {
        for (usize i = 0; i < span.count; i++) {
            if (span.first[i].is_none()) continue;
            TRY(alloc_pte(mm, to + (span.at - from) + i * kPageSize));
        }
        at = span.end();
    }
    return {};
}

/// The one area that holds all of the old range. EFAULT; EINVAL, ENOMEM if it may not become
/// `new_bytes` long.
Result<VmArea*> area_to_remap(MmStruct& mm, const Move& move) {
    VmArea* area = mm.find_vma(move.old);
    if (!area || move.old < area->start) return EFAULT;
    if (move.old_bytes == 0 && !area->is_shared()) return EINVAL;
    const bool dont_unmap = move.flags & abi::MREMAP_DONTUNMAP;
    if (dont_unmap && (area->flags & (kVmDontExpand | kVmPfnMap))) return EINVAL;
    if (move.old_bytes > area->end - move.old) return EFAULT;
    if (move.new_bytes <= move.old_bytes) return area;

    const u64 offset = area->index_of(move.old);
    if (offset + (move.new_bytes >> kPageShift) < offset) return EINVAL;
    if (area->flags & (kVmDontExpand | kVmPfnMap)) return EFAULT;
    const u64 growth = (move.new_bytes - move.old_bytes) >> kPageShift;
    if ((area->flags & kVmLocked) && !may_lock_more(mm, growth)) return EAGAIN;
    TRY(may_expand(mm, growth, area->flags));
    return area;
}

/// Copies the area to `to` and moves the pages there. The old range is unmapped unless the call
/// says otherwise.
Result<VirtAddr> move_area(MmStruct& mm, VmArea& area, const Move& move, VirtAddr to,
                           AreaList& dead) {
    if (mm.area_count >= kMaxMapCount - 3) return ENOMEM;  // up to three splits
    const u64 moved = std::min(move.old_bytes, move.new_bytes);
    Result<VmArea*> made = alloc_area(
        mm, {to, to + move.new_bytes, area.flags, area.index_of(move.old), area.file, area.policy});
    VmArea& copy = *TRY(std::move(made));
    if (area.has_anon()) copy.page_offset = area.index_of(move.old);  // as its pages say
    Result<void> prepared = prepare_tables(mm, move.old, to, moved);
    copy.anon_vma.store(area.anon_vma.load(std::memory_order_relaxed));
    if (prepared.ok()) prepared = anon_vma_clone(copy, area);
    if (!prepared.ok()) {
        TlbGather gather(mm);
        free_page_tables(gather, mm, to, to + moved);
        free_area(copy);  // not the file's last reference: the old area has one
        return prepared.error();
    }
    {
        MappingGuard guard(mapping_of(area));
        AnonVmaGuard anon_guard(area.anon_vma.load(std::memory_order_relaxed));
        TlbGather gather(mm);  // flushes before truncation can get at the pages again
        insert_area_locked(copy);
        move_entries(gather, mm, move.old, to, moved);
    }
    if (move.flags & abi::MREMAP_DONTUNMAP) {
        set_area_flags(area, area.flags & ~kVmLocks);  // nothing is left that could stay
    } else if (move.old_bytes > 0) {
        const Result<void> done = do_munmap(mm, move.old, move.old + move.old_bytes, dead);
        ASSERT(done.ok() || done.error() == ENOMEM);  // splitting failed: an empty range remains
    }
    merge_area(copy);
    return to;
}

/// MREMAP_FIXED, MREMAP_DONTUNMAP: to a place that the caller names, or to a new one in any case.
Result<VirtAddr> remap_to(MmStruct& mm, Move move, AreaList& dead) {
    const bool fixed = move.flags & abi::MREMAP_FIXED;
    if (!is_aligned(move.to.raw(), kPageSize)) return EINVAL;
    if (!arch::is_user_range(move.to, move.new_bytes)) return EINVAL;
    const bool overlap = move.old < move.to + move.new_bytes && move.to < move.old + move.old_bytes;
    if (overlap) return EINVAL;
    if (fixed) {
        if (move.to < arch::kUserMin) return EPERM;
        if (mm.area_count + 2 >= kMaxMapCount) return ENOMEM;
        TRY(area_to_remap(mm, move));
        TRY(do_munmap(mm, move.to, move.to + move.new_bytes, dead));
    }
    if (move.old_bytes > move.new_bytes) {
        TRY(do_munmap(mm, move.old + move.new_bytes, move.old + move.old_bytes, dead));
        move.old_bytes = move.new_bytes;
    }
    VmArea& area = *TRY(area_to_remap(mm, move));
    if (move.flags & abi::MREMAP_DONTUNMAP) {  // the old range stays
        TRY(may_expand(mm, move.old_bytes >> kPageShift, area.flags));
    }
    const VirtAddr to =
        fixed ? move.to : TRY(get_unmapped_area(mm, move.to, move.new_bytes, Below::UserEnd));
    return move_area(mm, area, move, to, dead);
}

/// Grows the area at its end if the addresses behind it are free.
bool grow_in_place(MmStruct& mm, VmArea& area, const Move& move) {
    const VirtAddr end = move.old + move.new_bytes;
    if (area.end != move.old + move.old_bytes) return false;
    if (end > arch::kUserEnd || end < move.old) return false;
    const VmArea* next = mm.areas.next(area);
    if (next && start_with_gap(*next) < end) return false;
    resize_area(area, area.start, end);
    merge_area(area);
    return true;
}

Result<VirtAddr> do_mremap(MmStruct& mm, const Move& move, AreaList& dead) {
    const VmArea* found = mm.find_vma(move.old);
    if (!found || move.old < found->start) return EFAULT;
    if (!arch::is_user_range(move.old, move.old_bytes)) return EINVAL;
    if (move.flags & (abi::MREMAP_FIXED | abi::MREMAP_DONTUNMAP)) return remap_to(mm, move, dead);
    if (move.old_bytes > 0 && move.old_bytes >= move.new_bytes) {
        const VirtAddr end = move.old + move.old_bytes;
        if (move.old_bytes > move.new_bytes) {
            TRY(do_munmap(mm, move.old + move.new_bytes, end, dead));
        }
        return move.old;
    }
    VmArea& area = *TRY(area_to_remap(mm, move));
    if (move.old_bytes > 0 && grow_in_place(mm, area, move)) return move.old;
    if (!(move.flags & abi::MREMAP_MAYMOVE)) return ENOMEM;
    const VirtAddr to = TRY(get_unmapped_area(mm, VirtAddr(0), move.new_bytes, Below::UserEnd));
    return move_area(mm, area, move, to, dead);
}

}  // namespace

Result<VirtAddr> MmStruct::mremap(VirtAddr old, u64 old_bytes, u64 new_bytes, u32 flags,
                                  VirtAddr to) {
    constexpr u32 kKnown = abi::MREMAP_MAYMOVE | abi::MREMAP_FIXED | abi::MREMAP_DONTUNMAP;
    if (flags & ~kKnown) return EINVAL;
    const bool may_move = flags & abi::MREMAP_MAYMOVE;
    if ((flags & (abi::MREMAP_FIXED | abi::MREMAP_DONTUNMAP)) && !may_move) return EINVAL;
    if ((flags & abi::MREMAP_DONTUNMAP) && old_bytes != new_bytes) return EINVAL;
    if (!is_aligned(old.raw(), kPageSize)) return EINVAL;
    if (old_bytes > arch::kUserEnd.raw() || new_bytes > arch::kUserEnd.raw()) return EINVAL;
    const Move move{old, align_up(old_bytes, kPageSize), to, align_up(new_bytes, kPageSize), flags};
    if (move.new_bytes == 0) return EINVAL;

    AreaList dead;
    mmap_lock.down_write();
    Result<VirtAddr> at = do_mremap(*this, move, dead);
    VirtAddr populate_from, populate_to;
    if (at.ok() && move.new_bytes > move.old_bytes) {
        const VmArea* area = find_vma(at.value());
        if (area && (area->flags & kVmLocked)) {
            populate_from = at.value() + move.old_bytes;
            populate_to = at.value() + move.new_bytes;
        }
    }
    mmap_lock.up_write();
    free_dead_areas(dead);
    if (at.ok() && populate_from < populate_to) {
        static_cast<void>(populate(populate_from, populate_to, Populate::AsMapped));
    }
    return at;
}

}  // namespace vm
