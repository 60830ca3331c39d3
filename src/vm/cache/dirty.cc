// Dirty pages: those that are newer than their file on the disk; who makes them so, and how many
// there are. Linux: folio_mark_dirty(), do_page_mkwrite().
//
// A write(2) knows what it does. A store through a mapping does not, so entries of clean pages are
// read-only, and the first store faults: begin_mapped_write() then asks the file system and marks
// the page. Writeback goes the other way under the same lock: page_mkclean() makes all entries
// read-only again, clear_page_dirty() clears the mark, and then the page is written. So no store
// falls between the two.

#include "vm/address_space.h"
#include "vm/page_lock.h"

namespace vm {

namespace {

constinit std::atomic<u64> dirty{0};

}  // namespace

u64 dirty_pages() { return dirty.load(std::memory_order_relaxed); }

void AddressSpace::lock_page(mm::Page& page) { vm::lock_page(page); }
void AddressSpace::unlock_page(mm::Page& page) { vm::unlock_page(page); }

void AddressSpace::set_page_dirty(mm::Page& page) {
    if (page.has(mm::kPageDirty)) return;
    IrqGuard guard(lock_);
    if (page.has(mm::kPageDirty) || page.mapping != this) return;  // truncated: nobody's any more
    page.set(mm::kPageDirty);
    if (!is_memory_only()) dirty.fetch_add(1, std::memory_order_relaxed);
}

bool AddressSpace::clear_page_dirty_locked(mm::Page& page) {
    if (!page.has(mm::kPageDirty)) return false;
    page.clear(mm::kPageDirty);
    if (!is_memory_only()) dirty.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

bool AddressSpace::clear_page_dirty(mm::Page& page) {
    IrqGuard guard(lock_);
    return clear_page_dirty_locked(page);
}

Result<void> AddressSpace::begin_mapped_write(mm::Page& page) {
    lock_page(page);
    if (page.mapping != this) {
        unlock_page(page);
        return EAGAIN;
    }
    if (page.has(mm::kPageDirty)) return {};  // by write(2), or through another mapping
    const Result<void> allowed = ops_.page_mkwrite(*this, page);
    if (!allowed.ok()) {
        unlock_page(page);
        return allowed.error();
    }
    set_page_dirty(page);
    return {};
}

}  // namespace vm
