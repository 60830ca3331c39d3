/// Transparent huge pages: entries one level above the leaf tables that lead to a compound page of
/// 2 MiB. Only private anonymous memory that is not executed has them.
///
/// A huge page is on the LRU as one (lru.h). When its turn comes, reclaim splits it, and its parts
/// go their ways.
///
/// For each huge entry its address space keeps an empty leaf table in reserve
/// (MmStruct::reserved_tables), so that a split never fails for want of memory.
///
/// A split needs no flush: the small entries say the same as the huge one did, and the flush of any
/// of their addresses makes a processor forget the huge translation. (Two sizes at a time are only
/// a danger for instruction fetches: hence no executed areas.)
#pragma once

#include "vm/areas.h"
#include "vm/fault/fault.h"
#include "vm/lru.h"
#include "vm/tables/tlb.h"

namespace vm {

inline constexpr unsigned kHugeOrder = 9;
inline constexpr u64 kHugePages = u64{1} << kHugeOrder;
inline constexpr u64 kHugeSize = kHugePages * kPageSize;

inline VirtAddr huge_down(VirtAddr at) { return VirtAddr(align_down(at.raw(), kHugeSize)); }

// --- policy.cc
enum class HugePolicy : u8 { Always, Madvise, Never };
HugePolicy huge_policy();
void set_huge_policy(HugePolicy policy);
/// Whether a first write at `at` in `area` should get a huge page.
bool wants_huge_page(const VmArea& area, VirtAddr at);

// --- fault.cc
/// Maps a new huge page around `at`. False: there is no memory for one, or something is mapped.
bool do_huge_anonymous_page(MmStruct& mm, VmArea& area, VirtAddr at);
/// A fault met a huge entry at `at`. Afterwards it allows the access, or is split.
void do_huge_fault(MmStruct& mm, const VmArea& area, VirtAddr at, bool write);

// --- split.cc
/// The huge entry that translates `at`, or null.
Pte* find_huge(MmStruct& mm, VirtAddr at);
/// Makes small entries of the huge entry for `at`, if there is one.
enum class PartsAre : u8 { Used, AsTheWhole };
void split_huge_locked(MmStruct& mm, VirtAddr at, PartsAre parts = PartsAre::Used)
    REQUIRES(mm.page_table_lock);
void split_huge(MmStruct& mm, VirtAddr at);
/// What a small entry for `at` would say: of the small or the huge one that translates it.
Pte user_entry(MmStruct& mm, VirtAddr at) REQUIRES(mm.page_table_lock);

// --- entries.cc: `entry` is a huge one for `at`
void zap_huge_entry(TlbGather& gather, MmStruct& mm, Pte* entry, VirtAddr at, RssDelta& rss)
    REQUIRES(mm.page_table_lock);
/// Copies it to `child`, write-protecting both. ENOMEM. True if the parent's became weaker.
Result<bool> copy_huge_entry(MmStruct& child, MmStruct& parent, VirtAddr at);
/// Gives it the rights of `area`. True if it became weaker.
bool protect_huge_entry(const VmArea& area, Pte* entry);

// --- rmap.cc: `head` is the first page. The page-table lock of the entry is held.
/// True if one huge entry is all that knows of the page.
bool is_exclusive_huge(const mm::Page& head);
void page_add_new_huge_rmap(mm::Page& head, const VmArea& area, VirtAddr at);
void page_dup_huge_rmap(mm::Page& head);
void page_remove_huge_rmap(mm::Page& head);
/// One entry for the whole becomes one for each part, each with a reference.
void page_split_huge_rmap(mm::Page& head);
/// Whether anybody maps the page or a part of it. The caller has a reference.
bool is_huge_mapped(mm::Page& head);
/// Makes a part of a huge page, to which nobody can get just now, a page of its own.
void become_single(mm::Page& part, AnonVma* anon_vma, u64 index, u32 references, u32 more_flags);
/// The processes that map this part of an anonymous page, as a whole or the part alone.
u32 mappers_of(const mm::Page& page);

// --- split_page.cc
/// For reclaim: makes single pages of a huge one that was taken off its list. All
/// entries become small ones, and the parts are added to `parts`, each with a reference of the
/// caller, which he had to the whole. False: somebody else uses the page just now.
bool split_huge_page(mm::Page& head, PageQueue& parts);

}  // namespace vm
