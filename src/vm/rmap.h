/// Reverse mapping: from a page to the entries that map it. Linux: mm/rmap.c.
///
/// Whoever writes or clears an entry says so here, under the page-table lock; so page.map_count is
/// the number of entries, and whoever wants to take the page away finds them all: by page.anon_vma
/// (anon_vma.h) or by the file's tree of areas (AddressSpace::i_mmap).
///
/// A walk holds the lock of the tree that it walks, and so the areas and their page tables: an area
/// leaves the trees before its tables are freed. It takes each page-table lock in turn. That an
/// entry is found once does not say that it stays; that none is found says that the page has none
/// only if map_count says so, too: fork and mremap() may be moving entries.
#pragma once

#include "mm/vm_stat.h"
#include "vm/vm_area.h"

namespace vm {

inline bool is_page_mapped(const mm::Page& page) {
    return page.map_count.load(std::memory_order_relaxed) != 0;
}

/// A new page, which nobody else knows yet, gets its first entry: at `at` in `area`.
inline void page_add_new_anon_rmap(mm::Page& page, const VmArea& area, VirtAddr at) {
    page.anon_vma = area.anon_vma.load(std::memory_order_relaxed);
    page.index = area.index_of(at);
    page.map_count.store(1, std::memory_order_relaxed);
    const u32 flags = page.flags.load(std::memory_order_relaxed);
    page.flags.store(flags | mm::kPageAnon | mm::kPageSwapBacked, std::memory_order_release);
    mm::count_vm(mm::VmItem::AnonPages);
}

/// An anonymous page that came back gets an entry again. It is locked. Unless it is `area`'s alone,
/// others that share it may map it, too: they all stand in the tree of the root.
enum class Sharing : u8 { Exclusive, Possible };
void page_add_anon_rmap(mm::Page& page, const VmArea& area, VirtAddr at, Sharing sharing);

/// A page of the page cache gets an entry.
inline void page_add_file_rmap(mm::Page& page) {
    if (page.map_count.fetch_add(1, std::memory_order_relaxed) != 0) return;
    mm::count_vm(mm::VmItem::MappedPages);
}

/// A mapped page gets an entry more, in a child's tables.
inline void page_dup_rmap(mm::Page& page) {
    page.map_count.fetch_add(1, std::memory_order_relaxed);
}

void page_lost_last_mapping(mm::Page& page);

/// An entry of the page is gone.
inline void page_remove_rmap(mm::Page& page) {
    if (page.map_count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    page_lost_last_mapping(page);
}

/// What a walk does.
class RmapVisitor {
public:
    /// `area` may map the page at `at`. False ends the walk.
    virtual bool visit(VmArea& area, VirtAddr at) = 0;

protected:
    ~RmapVisitor() = default;
};

/// Whether a walk may wait for the lock of the tree. Reclaim may not: it may run in somebody who
/// holds it.
enum class RmapLock : u8 { Try, Wait };

/// Visits all areas that may map `page`, which is locked or, if it is anonymous, mapped. False: it
/// was not possible to get the lock. May sleep.
bool rmap_walk(mm::Page& page, RmapVisitor& visitor, RmapLock lock);

/// What page_referenced() has found.
struct Referenced {
    u32 entries = 0;         // through which the page was used since the last look
    u32 area_flags = 0;      // of all areas that map it, together
    bool could_look = true;  // false: somebody held the lock
};

/// Looks at the accessed bits of all entries and clears them. The page is locked.
Referenced page_referenced(mm::Page& page);

/// Write-protects all entries of a locked page of a file, so that the next write faults. Returns
/// how many of them were writable or dirty; the page is marked dirty if there were any dirty ones.
u32 page_mkclean(mm::Page& page);

/// Removes all entries of a locked page. In the place of those of an anonymous one, which is in the
/// swap cache, its swap entry is left. True if none is left. Areas that are locked keep theirs.
bool try_to_unmap(mm::Page& page);

}  // namespace vm
