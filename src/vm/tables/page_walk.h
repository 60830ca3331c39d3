/// Walking a process's page tables by whole leaf tables: 512 entries, 2 MiB of addresses. Loops
/// over a range of addresses skip what has no tables and look at the rest with one walk per table:
///
///     while (LeafSpan span = next_leaf(root, at, end)) {
///         for (usize i = 0; i < span.count; i++) ... span.first[i] translates span.at + i pages
///         at = span.end();
///     }
///
/// States of an entry: none (0); present; not present but not none: either a page that PROT_NONE
/// hides (its frame stays in the entry), or kBusyEntry while copy-on-write replaces the page, or
/// where in swap space the page is (is_swap()).
#pragma once

#include <atomic>

#include "mm/page_alloc.h"
#include "mm/page_table.h"
#include "mm/vm_stat.h"
#include "vm/mm_struct.h"
#include "vm/rmap.h"

namespace vm {

using arch::Pte;
using mm::PageTable;

struct LeafSpan {
    Pte* first = nullptr;
    VirtAddr at;        // what the first entry translates
    usize count = 0;    // entries, all in one table
    bool huge = false;  // `first` is a huge entry for all of them; look again under the lock

    explicit operator bool() const { return first != nullptr; }
    VirtAddr end() const { return at + count * kPageSize; }
};

/// The first entries at or behind `at` that have a leaf table, before `end`; false if there are
/// none. mmap_lock is held, or the tables are nobody else's.
///
/// Huge entries: Split makes small ones of them; Whole shows those that lie wholly in the range and
/// splits the others; Peek shows what lies in the range of any.
enum class Huge : u8 { Split, Whole, Peek };
LeafSpan next_leaf(MmStruct& mm, VirtAddr at, VirtAddr end, Huge huge = Huge::Split);

inline bool is_huge(Pte entry) { return entry.present() && entry.large(); }

/// The entry for `at`; null if its tables are absent, or a huge entry stands there.
Pte* find_pte(PageTable& root, VirtAddr at);

/// The entry for `at`, whose tables are made if absent. ENOMEM; ENOENT: a huge entry stands there.
/// No spin lock is held.
Result<Pte*> alloc_pte(MmStruct& mm, VirtAddr at);
/// The same for the entry of another level: 1 for a huge one.
Result<Pte*> alloc_entry(MmStruct& mm, VirtAddr at, unsigned level);

/// An empty leaf table, counted, that stands in no other yet; and back. ENOMEM.
Result<mm::Page*> new_table(MmStruct& mm);
void give_table_back(MmStruct& mm, mm::Page& table);

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
/// True if the entry says where in swap space its page is (swap/swap_entry.h).
inline bool is_swap(Pte entry) {
    constexpr u64 kSwap = Pte::kSpecial | Pte::kGlobal;
    return (entry.bits & (kSwap | Pte::kPresent)) == kSwap;
}
/// True if a counted page stands behind the entry, present or hidden by PROT_NONE.
inline bool has_page(Pte entry) { return !entry.is_none() && !entry.special(); }

// The processor sets kAccessed behind our back, so entries are changed atomically.
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

/// What an entry gets together that may be written to. It is dirty at once, so that the processor
/// never has to make it so: flags do not change behind our back but for kAccessed.
inline constexpr u64 kWriteRights = Pte::kWritable | Pte::kDirty | Pte::kSoftDirty;

/// The flags of an entry in `area`, without kWritable: that depends on the page, too. Without any
/// access right the entry is not present.
inline u64 entry_flags(const VmArea& area) {
    if (!(area.flags & kVmAccess)) return Pte::kUser | Pte::kNoExecute;
    const u64 flags = Pte::kPresent | Pte::kUser | Pte::kAccessed;
    return area.flags & kVmExec ? flags : flags | Pte::kNoExecute;
}

/// Changes of an address space's page counts, collected and applied at once.
struct RssDelta {
    i64 anon = 0, file = 0, shmem = 0, swap = 0;

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
