// Counting the entries that lead to a huge page.
//
// Entries for the whole are counted in the first tail, entries for a part in that part's map_count.
// Where both kinds exist, the whole ones together count as one more in every part ("double
// mapped"), so a part is mapped exactly as long as its map_count is not 0; AnonPages follows from
// that. Several address spaces may change these counts at a time: hence a lock of their own.

#include "vm/huge/huge.h"

namespace vm {

namespace {

constinit SpinLock huge_counts("huge_counts", LockRank::MmList);

std::atomic<u32>& whole_count(mm::Page& head) { return (&head)[1].compound_map_count; }
u64& is_double_mapped(mm::Page& head) { return (&head)[2].index; }

constexpr u32 kPartFlags = mm::kPageAnon | mm::kPageSwapBacked;
constexpr u32 kKeptFlags = mm::kPageActive | mm::kPageReferenced;  // of the whole, for its parts

void count_parts_up(mm::Page& head) {
    for (u64 i = 0; i < kHugePages; i++) {
        if ((&head)[i].map_count.fetch_add(1, std::memory_order_relaxed) == 0) {
            mm::count_vm(mm::VmItem::AnonPages);
        }
    }
}
void count_parts_down(mm::Page& head) {
    for (u64 i = 0; i < kHugePages; i++) page_remove_rmap((&head)[i]);
}

/// Breaks a page into single ones, each with one entry and one reference, which take its place on
/// the LRU. False: somebody else has a reference. With the list's lock held nobody gets one.
bool break_up(mm::Page& head) {
    LruVec& lruvec = lruvec_of(head);
    IrqGuard guard(lruvec.lock);
    if (!is_exclusive_huge(head)) return false;
    if (head.has(mm::kPageLru)) lruvec.remove(head);
    AnonVma* const anon_vma = head.anon_vma;
    const u64 index = head.index;
    const u32 more = head.flags.load(std::memory_order_relaxed) & kKeptFlags;
    for (u64 i = 0; i < kHugePages; i++) {
        mm::Page& part = (&head)[i];
        part.map_count.store(1, std::memory_order_relaxed);
        become_single(part, anon_vma, index + i, 1, more | mm::kPageLru);
        lruvec.add(part);
    }
    mm::count_vm(mm::VmItem::AnonHugepages, -static_cast<i64>(kHugePages));
    mm::count_vm(mm::VmItem::ThpSplitPage);
    return true;
}

}  // namespace

bool is_exclusive_huge(const mm::Page& head) {
    return head.ref_count.load(std::memory_order_acquire) == 1;
}

void page_add_new_huge_rmap(mm::Page& head, const VmArea& area, VirtAddr at) {
    head.anon_vma = area.anon_vma.load(std::memory_order_relaxed);
    head.index = area.index_of(at);
    for (u64 i = 0; i < kHugePages; i++) {
        std::atomic<u32>& flags = (&head)[i].flags;
        flags.store(flags.load(std::memory_order_relaxed) | kPartFlags, std::memory_order_release);
    }
    whole_count(head).store(1, std::memory_order_relaxed);
    mm::count_vm(mm::VmItem::AnonPages, kHugePages);
    mm::count_vm(mm::VmItem::AnonHugepages, kHugePages);
}

void page_dup_huge_rmap(mm::Page& head) {
    whole_count(head).fetch_add(1, std::memory_order_relaxed);
}

void page_remove_huge_rmap(mm::Page& head) {
    IrqGuard guard(huge_counts);
    if (whole_count(head).fetch_sub(1, std::memory_order_relaxed) != 1) return;
    mm::count_vm(mm::VmItem::AnonHugepages, -static_cast<i64>(kHugePages));
    if (is_double_mapped(head)) {
        is_double_mapped(head) = 0;
        count_parts_down(head);
    } else {
        mm::count_vm(mm::VmItem::AnonPages, -static_cast<i64>(kHugePages));
    }
}

void page_split_huge_rmap(mm::Page& head) {
    IrqGuard guard(huge_counts);
    mm::count_vm(mm::VmItem::ThpSplitPmd);
    if (is_exclusive_huge(head) && break_up(head)) return;  // AnonPages stays as it is
    head.ref_count.fetch_add(kHugePages - 1, std::memory_order_relaxed);
    const bool is_last = whole_count(head).load(std::memory_order_relaxed) == 1;
    if (is_double_mapped(head)) {
        if (!is_last) count_parts_up(head);  // else what stood for the wholes is now for the parts
        is_double_mapped(head) = !is_last;
    } else {
        mm::count_vm(mm::VmItem::AnonPages, -static_cast<i64>(kHugePages));
        count_parts_up(head);
        if (!is_last) count_parts_up(head);
        is_double_mapped(head) = !is_last;
    }
    if (whole_count(head).fetch_sub(1, std::memory_order_relaxed) == 1) {
        mm::count_vm(mm::VmItem::AnonHugepages, -static_cast<i64>(kHugePages));
    }
}

/// No lock: a split counts the parts before the whole is gone.
bool is_huge_mapped(mm::Page& head) {
    if (whole_count(head).load(std::memory_order_acquire) != 0) return true;
    for (u64 i = 0; i < kHugePages; i++) {
        if (is_page_mapped((&head)[i])) return true;
    }
    return false;
}

void become_single(mm::Page& part, AnonVma* anon_vma, u64 index, u32 references, u32 more_flags) {
    part.anon_vma = anon_vma;
    part.index = index;
    part.private_data = 0;
    part.order = 0;
    part.ref_count.store(references, std::memory_order_relaxed);
    part.flags.store(kPartFlags | more_flags, std::memory_order_release);
}

u32 mappers_of(const mm::Page& page) {
    const u32 parts = page.map_count.load(std::memory_order_relaxed);
    if (!page.has(mm::kPageHead) && !page.has(mm::kPageTail)) return parts;
    mm::Page& head = mm::compound_head(const_cast<mm::Page&>(page));
    const u32 wholes = whole_count(head).load(std::memory_order_relaxed);
    return parts + wholes - (is_double_mapped(head) ? 1 : 0);
}

}  // namespace vm
