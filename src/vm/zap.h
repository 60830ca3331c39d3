/// Taking mappings away: entries, page tables, areas.
#pragma once

#include "vm/areas.h"
#include "vm/tables/tlb.h"

namespace vm {

/// Removes all entries of [start, end), which lies in one area; the pages go to `gather`. Linux:
/// zap_page_range. mmap_lock is held (reading is enough), or the file's i_mmap_mutex.
void zap_range(TlbGather& gather, MmStruct& mm, VirtAddr start, VirtAddr end);

/// Removes everything from [start, end), whole pages within user space: mmap_lock is held for
/// writing. The areas end up on `dead`; free_dead_areas() once mmap_lock is free. ENOMEM if an
/// area cannot be split; then nothing was unmapped.
Result<void> do_munmap(MmStruct& mm, VirtAddr start, VirtAddr end, AreaList& dead);

/// Where the tables of the user half end; the last page is not for users.
inline constexpr VirtAddr kUserTablesEnd{u64{1} << 47};

/// The pages of the area, which is about to go or no longer locked, may be reclaimed again.
void munlock_pages(VmArea& area);

/// Frees the page tables of a range without areas, but for those that a neighbour needs.
void free_page_tables(TlbGather& gather, MmStruct& mm, VirtAddr start, VirtAddr end);

/// EINVAL unless [at, at + bytes) is page-aligned, not empty and within user space. `bytes` is
/// rounded up to whole pages.
Result<void> check_range(VirtAddr at, u64& bytes);

}  // namespace vm
