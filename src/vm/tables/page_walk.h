/// Walking a process's page tables by whole leaf tables: 512 entries, 2 MiB of addresses. Loops
/// over a range of addresses skip what has no tables and look at the rest with one walk per table:
///
///     while (LeafSpan span = next_leaf(root, at, end)) {
///         for (usize i = 0; i < span.count; i++) ... span.first[i] translates span.at + i pages
///         at = span.end();
///     }
///
/// States of an entry: none (0); present; not present but not none: either a page that PROT_NONE
/// hides (its frame stays in the entry), or kBusyEntry while copy-on-write replaces the page.
#pragma once

#include <atomic>

#include "mm/page_alloc.h"
#include "mm/page_table.h"
#include "mm/vm_stat.h"
#include "vm/mm_struct.h"

namespace vm {

using arch::Pte;
using mm::PageTable;

struct LeafSpan {
    Pte* first = nullptr;
    VirtAddr at;      // what the first entry translates
    usize count = 0;  // entries, all in one table

    explicit operator bool() const { return first != nullptr; }
    VirtAddr end() const { return at + count * kPageSize; }
};

/// The first entries at or behind `at` that have a leaf table, before `end`; false if there are
/// none. mmap_lock is held, or the tables are nobody else's.
LeafSpan next_leaf(PageTable& root, VirtAddr at, VirtAddr end);

/// The entry for `at`; null if its tables are absent.
Pte* find_pte(PageTable& root, VirtAddr at);

/// The entry for `at`, whose tables are made if absent. ENOMEM. No spin lock is held.
Result<Pte*> alloc_pte(MmStruct& mm, VirtAddr at);

using PageList = List<mm::Page, &mm::Page::link>;

struct AddrRange {
    VirtAddr start, end;
};

/// Takes the tables of `range`, whose entries are none, out of the tree and puts them on `list`:
/// those that lie wholly inside `free`, the range together with the unused addresses around it.
/// The caller frees them once no processor can be looking at them.
void unlink_tables(MmStruct& mm, AddrRange range, AddrRange free, PageList& list)
    REQUIRES(mm.page_table_lock);

/// Frees what unlink_tables() collected.
void free_tables(PageList& list);

/// Somebody is replacing the page behind this entry (vm/fault/anon.cc): try again.
inline constexpr Pte kBusyEntry{Pte::kSpecial | Pte::kLarge};

inline bool is_busy(Pte entry) { return entry.bits == kBusyEntry.bits; }
/// True if a counted page stands behind the entry, present or hidden by PROT_NONE.
inline bool has_page(Pte entry) { return !entry.is_none() && !entry.special(); }

// The processor sets kAccessed and kDirty behind our back, so entries are changed atomically.
inline Pte read_pte(Pte* entry) {
    return Pte{std::atomic_ref(entry->bits).load(std::memory_order_relaxed)};
}
inline void set_pte(Pte* entry, Pte value) {
    std::atomic_ref(entry->bits).store(value.bits, std::memory_order_release);
}
inline Pte exchange_pte(Pte* entry, Pte value) {
    return Pte{std::atomic_ref(entry->bits).exchange(value.bits)};
}
inline void clear_pte_flags(Pte* entry, u64 flags) {
    std::atomic_ref(entry->bits).fetch_and(~flags);
}

/// An entry more, or less, leads to the page.
inline void count_mapping(mm::Page& page) {
    if (page.map_count.fetch_add(1, std::memory_order_relaxed) != 0) return;
    mm::count_vm(page.has(mm::kPageAnon) ? mm::VmItem::AnonPages : mm::VmItem::MappedPages);
}
inline void uncount_mapping(mm::Page& page) {
    if (page.map_count.fetch_sub(1, std::memory_order_relaxed) != 1) return;
    mm::count_vm(page.has(mm::kPageAnon) ? mm::VmItem::AnonPages : mm::VmItem::MappedPages, -1);
}

/// The flags of an entry in `area`, without kWritable: that depends on the page, too. Without any
/// access right the entry is not present.
inline u64 entry_flags(const VmArea& area) {
    if (!(area.flags & kVmAccess)) return Pte::kUser | Pte::kNoExecute;
    const u64 flags = Pte::kPresent | Pte::kUser | Pte::kAccessed;
    return area.flags & kVmExec ? flags : flags | Pte::kNoExecute;
}

/// Changes of an address space's page counts, collected and applied at once.
struct RssDelta {
    i64 anon = 0, file = 0, shmem = 0;

    void add(const mm::Page& page, i64 by) {
        if (page.has(mm::kPageAnon)) {
            anon += by;
        } else if (page.has(mm::kPageSwapBacked)) {
            shmem += by;
        } else {
            file += by;
        }
    }
    void apply(MmStruct& mm) const;
};

}  // namespace vm
