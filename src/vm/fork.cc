// fork's copy of an address space. Linux: dup_mmap(), copy_page_range().
//
// Private pages are shared by parent and child from here on and write-protected in both, so the
// first to write makes a copy (fault/anon.cc). An area that never had a page of its own is not
// looked at: the child finds its pages in the file again, or gets zeros. That makes the fork of a
// program that mostly consists of text cheap.

#include <array>

#include "arch/layout.h"
#include "sched/task.h"
#include "vm/areas.h"
#include "vm/ldt.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// Copies the entries of one leaf table. True if an entry of the parent was write-protected. The
/// parent's page_table_lock is held; the child's entries are nobody else's yet.
bool copy_leaf(const LeafSpan& span, Pte* to, RssDelta& rss) {
    bool weaker = false;
    for (usize i = 0; i < span.count; i++) {
        Pte entry = read_pte(&span.first[i]);
        if (entry.is_none()) continue;
        if (entry.writable()) {
            clear_pte_flags(&span.first[i], Pte::kWritable);
            entry = entry.without(Pte::kWritable);
            weaker = true;
        }
        if (has_page(entry)) {
            mm::Page& page = mm::page_of(entry.pfn());
            mm::get_page(page);
            count_mapping(page);
            rss.add(page, 1);
        }
        to[i] = entry;
    }
    return weaker;
}

/// True if some entry of the span is in use: the child then needs such a table, too.
bool has_entries(const LeafSpan& span) {
    for (usize i = 0; i < span.count; i++) {
        if (!span.first[i].is_none()) return true;
    }
    return false;
}

/// Copies the page-table entries of `area` to `child`, which has the same addresses. ENOMEM.
Result<bool> copy_page_range(MmStruct& child, const VmArea& area) {
    MmStruct& parent = *area.mm;
    bool weaker = false;
    RssDelta rss;
    Result<void> failure;
    VirtAddr at = area.start;
    while (const LeafSpan span = next_leaf(*parent.page_table, at, area.end)) {
        at = span.end();
        if (!has_entries(span)) continue;
        Result<Pte*> to = alloc_pte(child, span.at);
        if (!to.ok()) {
            failure = to.error();
            break;
        }
        IrqGuard guard(parent.page_table_lock);
        weaker |= copy_leaf(span, to.value(), rss);
    }
    rss.apply(child);
    if (weaker) flush_tlb_range(parent, area.start, area.end);
    TRY(std::move(failure));
    return weaker;
}

/// Gives `child` a copy of `area`. ENOMEM.
Result<void> copy_area(MmStruct& child, VmArea& area) {
    const u32 flags = area.flags & ~u32{kVmLocked};  // locks are not inherited
    VmArea* copy =
        TRY(alloc_area(child, {area.start, area.end, flags, area.page_offset, area.file}));
    copy->page_offset = area.page_offset;
    const bool has_anon = area.has_anon.load(std::memory_order_relaxed);
    const bool wants_pages = has_anon && !(area.flags & kVmWipeOnFork);
    copy->has_anon.store(wants_pages);

    // Behind the parent's area on the file's list, and copied before the list is free again:
    // truncation then takes a page from both or from neither.
    MappingGuard guard(mapping_of(area));
    insert_area_behind(*copy, area);
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
    child->exe_file = source.exe_file;
    if (child->exe_file) child->exe_file->get();
    const Result<void> copied = child->copy_areas_from(source);
    source.mmap_lock.up_write();
    if (copied.ok() && copied_ldt.ok()) return child;
    child->put();
    return ENOMEM;
}

}  // namespace vm
