// Pages of a file, or of a device's memory. Of a file: shared ones straight from the page cache,
// private ones copied at the first write. A read brings the neighbours along that are in the cache
// already: a program's text is then mapped with a fault for 16 pages instead of one each.

#include <array>

#include "lib/string.h"
#include "vm/fault/fault.h"

namespace vm {

namespace {

constexpr u64 kAroundPages = 16;  // a window of 64 KiB, aligned: always within one leaf table

/// The entry for a page of the page cache.
Pte file_entry(const VmArea& area, const mm::Page& page, bool writable) {
    const u64 rights = writable ? kWriteRights : 0;
    return Pte::to(mm::pfn_of(page), entry_flags(area) | rights);
}

/// If nothing is there yet and the file still has the page, maps it: the entry takes over the
/// caller's reference. page_table_lock is held. Truncation removes a page from the cache first and
/// from the page tables then, under this lock; so either we see that it left, or it finds ours.
bool map_cached(const Fault& fault, Pte* entry, mm::Page& page, bool writable) {
    if (!read_pte(entry).is_none() || page.mapping != mapping_of(fault.area)) return false;
    if (is_lost(fault.mm, fault.area)) return false;
    page_add_file_rmap(page);
    set_pte(entry, file_entry(fault.area, page, writable));
    return true;
}

/// Maps `page` at the fault.
void map_one(const Fault& fault, mm::Page& page, bool writable) {
    RssDelta rss;
    bool mapped;
    {
        IrqGuard guard(fault.mm.page_table_lock);
        mapped = map_cached(fault, fault.entry, page, writable);
        if (mapped) {
            rss.add(page, 1);
            if (writable) page.set(mm::kPageDirty);
        }
        rss.apply(fault.mm);
    }
    if (!mapped) mm::put_page(page);
}

/// Maps what the cache has of the window around the fault.
void map_around(const Fault& fault, AddressSpace& mapping, bool writable) {
    constexpr u64 kWindow = kAroundPages * kPageSize;
    const VirtAddr window(align_down(fault.at.raw(), kWindow));
    const VirtAddr start = std::max(window, fault.area.start);
    const VirtAddr end = std::min(window + kWindow, fault.area.end);
    const usize count = (end - start) >> kPageShift;
    mm::Page* pages[kAroundPages];
    mapping.find_pages(fault.area.index_of(start), std::span(pages, count));

    RssDelta rss;
    Pte* first = fault.entry - ((fault.at - start) >> kPageShift);
    {
        IrqGuard guard(fault.mm.page_table_lock);
        for (usize i = 0; i < count; i++) {
            if (!pages[i] || !map_cached(fault, first + i, *pages[i], writable)) continue;
            rss.add(*pages[i], 1);
            pages[i] = nullptr;
        }
        rss.apply(fault.mm);
    }
    for (usize i = 0; i < count; i++) {
        if (pages[i]) mm::put_page(*pages[i]);
    }
}

/// A private page that is written to at once need not be mapped first. The caller keeps `page`.
Result<void> map_copy(const Fault& fault, mm::Page& page) {
    using enum mm::Gfp;
    TRY(anon_vma_prepare(fault.area));
    mm::Page* copy = TRY(mm::alloc_page(HighUserMovable));
    memcpy(mm::bytes_of(*copy), mm::bytes_of(page), kPageSize);
    if (!map_anonymous(fault, *copy)) mm::put_page(*copy);
    return {};
}

/// Memory of a device: no Page stands behind it, and it is not cached. Such areas are shared.
Result<FaultKind> map_device_page(const Fault& fault, u64 index) {
    const PhysAddr at = TRY(fault.area.file->device_page(index));
    const u64 rights = fault.area.flags & kVmWrite ? kWriteRights : 0;
    const u64 flags = entry_flags(fault.area) | Pte::kSpecial | Pte::kUncached | rights;
    IrqGuard guard(fault.mm.page_table_lock);
    if (read_pte(fault.entry).is_none()) set_pte(fault.entry, Pte::to(pfn_of(at), flags));
    return FaultKind::Minor;
}

}  // namespace

Result<FaultKind> do_file_page(const Fault& fault) {
    AddressSpace* mapping = mapping_of(fault.area);
    const u64 index = fault.area.index_of(fault.at);
    if (!mapping) return map_device_page(fault, index);
    const u64 size = fault.area.file->size();
    if (index >= size / kPageSize + (size % kPageSize != 0)) return EIO;

    FaultKind kind = FaultKind::Minor;
    mm::Page* page = mapping->find_page(index);
    if (!page) {
        page = TRY(mapping->read_page(index));
        if (!mapping->is_memory_only()) kind = FaultKind::Major;
    }
    const bool shared = fault.area.is_shared();
    if (fault.write && !shared) {
        const Result<void> done = map_copy(fault, *page);
        mm::put_page(*page);
        if (!done.ok()) return done.error();
        return kind;
    }
    // Shared pages of a disk file start read-only: the file must hear of the first write.
    const bool memory_only = mapping->is_memory_only();
    if (fault.write && !memory_only) {
        const Result<FaultKind> done = do_shared_write(fault, *page);
        mm::put_page(*page);
        if (!done.ok()) return done.error();
        return kind;
    }
    const bool writable = memory_only && shared && (fault.area.flags & kVmWrite);
    map_one(fault, *page, writable);
    if (!fault.write) map_around(fault, *mapping, writable);
    return kind;
}

}  // namespace vm
