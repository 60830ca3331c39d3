// mprotect(): other rights for a range, in the areas and in the entries that exist.

#include <array>

#include "abi/mman.h"
#include "lib/lab.h"
#include "vm/huge/huge.h"
#include "vm/zap.h"

namespace vm {

namespace {

/// True if a private area's page may become writable at once: nobody else has it. What is shared
/// becomes writable at the first write, in a fault.
[[maybe_unused]] bool is_exclusive(Pte entry) {
    if (!has_page(entry)) return false;
    mm::Page& page = mm::page_of(entry.pfn());
    return page.has(mm::kPageAnon) &&
           mm::compound_head(page).ref_count.load(std::memory_order_relaxed) == 1;
}

/// LAB paging, task 5 "Fork, unmap, protect" (handouts/04-paging.md). Write the body.
///   Before  page_table_lock is held, and mmap_lock for writing, so no entry is busy. area.flags
///           are the new ones. Entries that are none or in swap space get their rights later.
///   After   each entry has the rights of the area, and its frame, dirty, soft-dirty, accessed and
///           special bits as before. Private memory becomes writable at once where nobody else has
///           the page; shared memory never, since the next fault must see it. Where a present entry
///           became weaker (it lost kPresent or kWritable, or got kNoExecute), that is noted.
///   Use     entry_flags(), is_exclusive(), kWriteRights, set_pte(), TlbGather::note().
///   Check   `make grade LAB=paging T=fork`
///   Think   what happens if an entry that became stronger is not flushed?
void protect_leaf(TlbGather& gather, const VmArea& area, const LeafSpan& span) {
#ifdef SOLVED_PAGING
    const u64 flags = entry_flags(area) & ~Pte::kAccessed;
    for (usize i = 0; i < span.count; i++) {
        const Pte old = read_pte(&span.first[i]);
        if (old.is_none() || is_swap(old)) continue;  // a page that comes back gets its rights then
        constexpr u64 kKept =
            Pte::kAddressMask | Pte::kDirty | Pte::kSoftDirty | Pte::kAccessed | Pte::kSpecial;
        Pte now{(old.bits & kKept) | flags};
        if ((area.flags & kVmWrite) && !area.is_shared() && is_exclusive(old)) {
            now = now.with(kWriteRights);
        }
        set_pte(&span.first[i], now);
        const bool weaker = (old.flags() & ~now.flags() & (Pte::kPresent | Pte::kWritable)) ||
                            (now.flags() & ~old.flags() & Pte::kNoExecute);
        if (old.present() && weaker) gather.note(span.at + i * kPageSize);
    }
#else
    lab_todo("paging", "protect_leaf");
#endif
}

/// The area has its new flags; the entries follow.
void protect_entries(TlbGather& gather, const VmArea& area) {
    MmStruct& mm = *area.mm;
    VirtAddr at = area.start;
    if (area.flags & kVmPfnMap) {  // the next fault makes them anew
        return zap_range(gather, mm, area.start, area.end);
    }
    // Only memory that may be used, and is not executed, has huge entries.
    const bool whole = (area.flags & kVmAccess) && !(area.flags & kVmExec);
    while (const LeafSpan span = next_leaf(mm, at, area.end, whole ? Huge::Whole : Huge::Split)) {
        IrqGuard guard(mm.page_table_lock);
        if (!span.huge) {
            protect_leaf(gather, area, span);
        } else if (protect_huge_entry(area, span.first)) {
            gather.note(span.at);
            gather.note(span.end() - kPageSize);
        }
        at = span.end();
    }
}

/// Applies `access` to the part of `area` in [start, end). Returns the area that holds it then.
Result<VmArea*> protect_area(TlbGather& gather, VmArea* area, u32 access, VirtAddr start,
                             VirtAddr end) {
    MmStruct& mm = *area->mm;
    const u32 flags = (area->flags & ~kVmAccess) | access;
    if (flags == area->flags) return area;
    if (access & ~(area->flags >> 4 & kVmAccess)) return EACCES;  // the kVmMay… flags
    // Private pages that become writable count as data from now on.
    const u64 pages = (std::min(end, area->end) - std::max(start, area->start)) >> kPageShift;
    const bool is_new_burden = may_expand(mm, pages, area->flags).ok();
    if (is_new_burden) TRY(may_expand(mm, pages, flags));
    if (area->start < start) area = TRY(split_area(*area, start));
    if (end < area->end) TRY(split_area(*area, end));
    set_area_flags(*area, flags);
    protect_entries(gather, *area);
    return &merge_area(*area);
}

static_assert(kVmRead << 4 == kVmMayRead && kVmWrite << 4 == kVmMayWrite &&
              kVmExec << 4 == kVmMayExec);

Result<void> protect_range(MmStruct& mm, VirtAddr start, VirtAddr end, u32 access) {
    TlbGather gather(mm);
    VmArea* area = mm.find_vma(start);
    for (VirtAddr at = start; at < end; at = area->end, area = mm.areas.next(*area)) {
        if (!area || at < area->start) return ENOMEM;
        area = TRY(protect_area(gather, area, access, at, end));
        if (end <= area->end) break;
    }
    return {};
}

}  // namespace

Result<void> MmStruct::mprotect(VirtAddr at, u64 bytes, u32 prot) {
    const u32 grows = prot & (abi::PROT_GROWSDOWN | abi::PROT_GROWSUP);
    prot &= ~grows;
    if (grows == (abi::PROT_GROWSDOWN | abi::PROT_GROWSUP)) return EINVAL;
    if (!is_aligned(at.raw(), kPageSize)) return EINVAL;
    if (bytes == 0) return {};
    if (!check_range(at, bytes).ok()) return ENOMEM;  // the answer of Linux for a range too far
    constexpr u32 kKnown = abi::PROT_READ | abi::PROT_WRITE | abi::PROT_EXEC | abi::PROT_SEM;
    if (prot & ~kKnown) return EINVAL;

    sched::WriteGuard guard(mmap_lock);
    VirtAddr start = at;
    const VirtAddr end = at + bytes;
    if (grows) {
        // Only stacks that grow down exist here: the change reaches to the lowest page.
        const VmArea* area = find_vma(start);
        if (!area || start < area->start) return ENOMEM;
        if (grows == abi::PROT_GROWSUP || !(area->flags & kVmGrowsDown)) return EINVAL;
        start = area->start;
    }
    return protect_range(*this, start, end, prot & kVmAccess);
}

static_assert(abi::PROT_READ == kVmRead && abi::PROT_WRITE == kVmWrite &&
              abi::PROT_EXEC == kVmExec);

}  // namespace vm
