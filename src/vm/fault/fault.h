/// A page fault on its way through vm/fault/: which file resolves which kind.
///
///     fault.cc   the door (upcall::page_fault), and which kind it is
///     anon.cc    memory of the process's own: zero page, new page, copy-on-write
///     file.cc    pages of a file: from the page cache, private copies, neighbours
///
/// Throughout, mmap_lock is held for reading: the area and the page tables stay. What the entry
/// holds may change until page_table_lock is taken, so everybody looks again then; if it is not
/// what it was, another thread was faster, and the program simply tries again.
#pragma once

#include "vm/areas.h"
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

/// A write to a page that is mapped for reading: copy-on-write, or simply allowed. ENOMEM.
Result<FaultKind> do_wp_page(const Fault& fault);

/// An anonymous page's entry in `area`: writable if the area is, already dirty and accessed.
Pte anonymous_entry(const VmArea& area, const mm::Page& page);

/// If the entry is still none, maps `page` there, which gives the caller's reference to it. False:
/// the page is the caller's still.
bool map_anonymous(const Fault& fault, mm::Page& page);

/// What handle_mm_fault() does when mmap_lock is held. Rights::Possible: an access that the kernel
/// makes on somebody's behalf needs only what mprotect could allow.
enum class Rights : u8 { Present, Possible };
Result<FaultKind> fault_in_area(MmStruct& mm, VmArea& area, VirtAddr at, upcall::Access access,
                                Rights rights);

}  // namespace vm
