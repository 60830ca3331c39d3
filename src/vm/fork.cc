// fork's copy of an address space. Linux: dup_mmap(), copy_page_range().
//
// Private pages are shared by parent and child from here on and write-protected in both, so the
// first to write makes a copy (fault/anon.cc). An area that never had a page of its own is not
// looked at: the child finds its pages in the file again, or gets zeros. That makes the fork of a
// program that mostly consists of text cheap.

#include <array>

#include "arch/layout.h"
#include "lib/lab.h"
#include "sched/task.h"
#include "vm/areas.h"
#include "vm/huge/huge.h"
#include "vm/ldt.h"
#include "vm/overcommit.h"
#include "vm/swap/swap.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// LAB paging, task 5 "Fork, unmap, protect" (handouts/04-paging.md). Write the body.
///   Before  the parent's page_table_lock is held, and its mmap_lock for writing, so no entry is
///           busy; the child's entries are none and nobody else's yet.
///   After   the child has what the parent has: entries that may be written to lose that right in
///           both; each page gets a reference and a mapping more; what is in swap space gets a user
///           more (swap_duplicate(); if that fails, `failed` is set and the rest left out). rss
///           counts what the child got. True if an entry of the parent became weaker.
///   Use     read_pte(), is_swap(), swap_entry_of(), clear_pte_flags(), has_page(), mm::get_page(),
///           page_dup_rmap(), note_mm_has_swap() for the first in swap.
///   Check   `make grade LAB=paging T=fork`
///   Think   the processor sets kAccessed in the parent's entry meanwhile. What would a plain store
///           lose?
[[maybe_unused]] bool copy_leaf(MmStruct& child, const LeafSpan& span, Pte* to, RssDelta& rss,
                                bool& failed) {
#ifdef SOLVED_PAGING
    bool weaker = false;
    for (usize i = 0; i < span.count; i++) {
        Pte entry = read_pte(&span.first[i]);
        if (entry.is_none()) continue;
        if (is_swap(entry)) {
            if (!swap_duplicate(swap_entry_of(entry))) {  // more than 32,000 sharers
                failed = true;
                break;
            }
            if (rss.swap++ == 0) note_mm_has_swap(child);
            to[i] = entry;
            continue;
        }
        if (entry.writable()) {
            clear_pte_flags(&span.first[i], Pte::kWritable);
            entry = entry.without(Pte::kWritable);
            weaker = true;
        }
        if (has_page(entry)) {
            mm::Page& page = mm::page_of(entry.pfn());
            mm::get_page(page);
            page_dup_rmap(page);
            rss.add(page, 1);
        }
        to[i] = entry;
    }
    return weaker;
#else
    lab_todo("paging", "copy_leaf");
#endif
}

/// True if some entry of the span is in use: the child then needs such a table, too.
[[maybe_unused]] bool has_entries(const LeafSpan& span) {
    for (usize i = 0; i < span.count; i++) {
        if (!span.first[i].is_none()) return true;
    }
    return false;
}

/// LAB paging, task 5 "Fork, unmap, protect" (handouts/04-paging.md). Write the body.
///   Before  both mmap_locks are held; nobody runs in the child yet.
///   After   all entries of `area` are copied, leaf table by leaf table; tables without entries are
///           not made for the child. rss is applied, and if an entry became weaker, flushed, also
///           when something failed. True if one did. ENOMEM.
///   Use     next_leaf() (Huge::Whole), copy_huge_entry(), has_entries(), alloc_pte(), IrqGuard,
///           copy_leaf(), RssDelta::apply(), flush_tlb_range().
///   Check   `make grade LAB=paging T=fork`
///   Think   which lock is held during alloc_pte(), and which must not be?
Result<bool> copy_page_range(MmStruct& child, const VmArea& area) {
#ifdef SOLVED_PAGING
    MmStruct& parent = *area.mm;
    bool weaker = false;
    RssDelta rss;
    Result<void> failure;
    bool too_many = false;
    VirtAddr at = area.start;
    while (const LeafSpan span = next_leaf(parent, at, area.end, Huge::Whole)) {
        at = span.end();
        if (span.huge) {
            Result<bool> copied = copy_huge_entry(child, parent, span.at);
            if (!copied.ok()) {
                failure = copied.error();
                break;
            }
            weaker |= copied.value();
            continue;
        }
        if (!has_entries(span)) continue;
        Result<Pte*> to = alloc_pte(child, span.at);
        if (!to.ok()) {
            failure = to.error();
            break;
        }
        IrqGuard guard(parent.page_table_lock);
        weaker |= copy_leaf(child, span, to.value(), rss, too_many);
        if (!too_many) continue;
        failure = ENOMEM;
        break;
    }
    rss.apply(child);
    if (weaker) flush_tlb_range(parent, area.start, area.end);
    TRY(std::move(failure));
    return weaker;
#else
    lab_todo("paging", "copy_page_range");
#endif
}

/// Gives `child` a copy of `area`. ENOMEM.
Result<void> copy_area(MmStruct& child, VmArea& area) {
    if (is_committed(area.flags) && !has_enough_memory(area.pages())) return ENOMEM;
    const u32 flags = area.flags & ~kVmLocks;  // locks are not inherited
    VmArea* copy = TRY(
        alloc_area(child, {area.start, area.end, flags, area.page_offset, area.file, area.policy}));
    copy->page_offset = area.page_offset;
    copy->soft_dirty.store(area.soft_dirty.load(std::memory_order_relaxed));
    const bool wants_pages = area.has_anon() && !(area.flags & kVmWipeOnFork);
    if (wants_pages) {
        const Result<void> entered = anon_vma_fork(*copy, area);
        if (!entered.ok()) {
            free_area(*copy);  // not the file's last reference: the parent has one
            return entered;
        }
    }
    // Copied before the file's tree is free again: truncation takes a page from both or neither.
    MappingGuard guard(mapping_of(area));
    insert_area_locked(*copy);
    if (wants_pages) TRY(copy_page_range(child, area));
    return {};
}

}  // namespace

Result<void> MmStruct::copy_areas_from(MmStruct& source) {
    for (VmArea& area : source.areas) {
        if (!(area.flags & kVmDontCopy)) TRY(copy_area(*this, area));
    }
    return {};
}

Result<MmStruct*> MmStruct::duplicate(MmStruct& source) {
    MmStruct* child = TRY(create());
    const Result<void> copied_ldt = copy_ldt(*child, source);
    source.mmap_lock.down_write();
    if (source.is_reaped.load(std::memory_order_acquire)) {
        source.mmap_lock.up_write();
        child->put();
        return ENOMEM;
    }
    child->mmap_base = source.mmap_base;
    child->free_area_cache = source.free_area_cache;
    child->start_brk = source.start_brk;
    child->brk_end = source.brk_end;
    child->start_stack = source.start_stack;
    child->start_code = source.start_code;
    child->end_code = source.end_code;
    child->start_data = source.start_data;
    child->end_data = source.end_data;
    child->arg_start = source.arg_start;
    child->arg_end = source.arg_end;
    child->env_start = source.env_start;
    child->env_end = source.env_end;
    std::copy(std::begin(source.auxv), std::end(source.auxv), child->auxv);
    child->uses_membarrier = source.uses_membarrier.load();
    child->exe_file = source.exe_file;
    if (child->exe_file) child->exe_file->get();
    const Result<void> copied = child->copy_areas_from(source);
    source.mmap_lock.up_write();
    if (copied.ok() && copied_ldt.ok()) return child;
    child->put();
    return ENOMEM;
}

}  // namespace vm
