/// The lock of a page, and waiting for its write-back. Linux: mm/filemap.c (lock_page,
/// end_page_writeback).
///
/// kPageLocked keeps a page in its page cache, or in the swap cache, under its number, and is held
/// while data is read into it. It is the outermost lock of a page: it may be waited for with
/// mmap_lock and an inode's mutex held, but reclaim only tries it.
///
/// kPageWriteback says that a device still reads from the page. It is set by who holds the lock and
/// ends in whatever context the device reports.
#pragma once

#include "mm/page.h"

namespace vm {

inline bool try_lock_page(mm::Page& page) {
    const u32 old = page.flags.fetch_or(mm::kPageLocked, std::memory_order_acquire);
    return !(old & mm::kPageLocked);
}

/// Makes the sleeping functions usable. Boot.
void init_page_locks();

/// The caller has a reference. Both may sleep.
void lock_page(mm::Page& page);
void wait_on_page_writeback(mm::Page& page);

void wake_page_waiters(mm::Page& page);

inline void unlock_page(mm::Page& page) {
    const u32 old = page.flags.fetch_and(~u32{mm::kPageLocked}, std::memory_order_release);
    if (old & mm::kPageWaiters) wake_page_waiters(page);
}
/// Any context. The page is kept alive by its cache.
void end_page_writeback(mm::Page& page);

}  // namespace vm
