/// A page fault on its way through vm/fault/: which file resolves which kind.
///
///     fault.cc   the door (upcall::page_fault), and which kind it is
///     anon.cc    memory of the process's own: zero page, new page, copy-on-write
///     swap.cc    pages that are in swap space
///     file.cc    pages of a file: from the page cache, private copies, neighbours
///     shared.cc  writes to pages of a file that others see
///
/// Throughout, mmap_lock is held for reading: the area and the page tables stay. What the entry
/// holds may change until page_table_lock is taken, so everybody looks again then; if it is not
/// what it was, another thread was faster, and the program simply tries again.
#pragma once

#include "vm/areas.h"
#include "vm/lru.h"
#include "vm/tables/page_walk.h"

namespace vm {

struct Fault {
    MmStruct& mm;
    VmArea& area;
    VirtAddr at;  // start of the page
    bool write;
    Pte* entry;  // for `at`
    Pte seen;    // what it held when the fault came
};

/// Nothing is mapped yet, and there is no file. ENOMEM.
Result<FaultKind> do_anonymous_page(const Fault& fault);

/// Nothing is mapped yet: from the file. ENOMEM; EIO beyond its end, or why it cannot be read.
Result<FaultKind> do_file_page(const Fault& fault);

/// A write to `page` of the file behind a shared area, which the caller keeps: makes it dirty, and
/// the entry writable. Whatever page_mkwrite() says.
Result<FaultKind> do_shared_write(const Fault& fault, mm::Page& page);

/// The entry says where in swap space the page is. ENOMEM, EIO.
Result<FaultKind> do_swap_page(const Fault& fault);

/// A write to a page that is mapped for reading: copy-on-write, or simply allowed. ENOMEM.
Result<FaultKind> do_wp_page(const Fault& fault);

/// An anonymous page's entry in `area`: writable if the area is, already dirty and accessed.
Pte anonymous_entry(const VmArea& area, const mm::Page& page);

/// True if nothing may be mapped where nothing is, because the OOM killer took it. Without
/// page_table_lock a hint; with it certain: the reaper takes it for every entry that it clears.
inline bool is_lost(const MmStruct& mm, const VmArea& area) {
    return mm.is_reaped.load(std::memory_order_acquire) && !area.is_shared();
}

/// If the entry is still none, maps the new `page` there, in an area that has its AnonVma; which
/// gives the caller's reference to it. False: the page is the caller's still.
bool map_anonymous(const Fault& fault, mm::Page& page);

/// A new page of the area's becomes one of those that reclaim knows. Interrupts are off.
inline void add_new_page_to_lru(const VmArea& area, mm::Page& page) {
    if (area.flags & kVmLocked) [[unlikely]] {
        page.set(mm::kPageMlocked);
        mm::count_vm(mm::VmItem::Mlocked);
    }
    lru_cache_add_irqoff(page);
}

/// What handle_mm_fault() does when mmap_lock is held. Rights::Possible: an access that the kernel
/// makes on somebody's behalf needs only what mprotect could allow.
enum class Rights : u8 { Present, Possible };
Result<FaultKind> fault_in_area(MmStruct& mm, VmArea& area, VirtAddr at, upcall::Access access,
                                Rights rights);

}  // namespace vm
