/// The pages that reclaim may take, by when they were last used. Linux: mm/swap.c, mm/vmscan.c.
///
/// Each node has five lists. A page begins at the head of an inactive list. Reclaim takes pages
/// from the tail: one that was used meanwhile gets a second round, one that was used twice becomes
/// active, the others go. Pages of active lists move to the inactive ones when those get too short.
/// Pages of files and anonymous ones are apart, since taking them costs differently. Pages that
/// cannot be taken (mlock) stand on a list of their own, so that nobody looks at them in vain.
///
///     fault, read() -> inactive --(used twice)--> active
///                         |  ^------(too many)------'
///                         v
///                      reclaimed
///
/// A huge page stands on the list as one, through its head, and counts as many.
///
/// A new page first waits in a batch of the processor (mm::kPageLruPending), without a reference of
/// its own; if it dies there, the batch frees it. Lists are guarded by LruVec::lock.
///
/// kPageLru: on a list. Whoever isolates a page takes a reference and clears it.
#pragma once

#include <span>

#include "core/lock/spin_lock.h"
#include "mm/page.h"
#include "mm/page_alloc/node.h"
#include "mm/vm_stat.h"

namespace vm {

enum LruList : u8 { kInactiveAnon, kActiveAnon, kInactiveFile, kActiveFile, kUnevictableList };
inline constexpr unsigned kLruLists = 5;
constexpr bool is_file_list(LruList list) { return list >= kInactiveFile; }

using PageQueue = List<mm::Page, &mm::Page::link>;

struct LruVec {
    SpinLock lock{"lru", LockRank::Lru};
    PageQueue lists[kLruLists] GUARDED_BY(lock);
    u64 size[kLruLists] = {};  // changed under the lock, read without
    /// What taking pages of a kind has cost lately: how many of them were used after all.
    u64 cost[2] GUARDED_BY(lock) = {};  // anonymous, file

    void add(mm::Page& page) REQUIRES(lock);     // to the list that its flags name, at the head
    void remove(mm::Page& page) REQUIRES(lock);  // from its list
    u64 size_of(LruList list) const {
        return std::atomic_ref(const_cast<u64&>(size[list])).load(std::memory_order_relaxed);
    }
};
LruVec& lruvec_of(const mm::Page& page);
LruVec& lruvec_of(const mm::Node& node);

/// Makes the lists usable. Boot.
void init_lru();

/// The list a page belongs to.
LruList lru_list_of(const mm::Page& page);

/// Puts a new page into this processor's batch. Interrupts are off.
void lru_cache_add_irqoff(mm::Page& page);
/// The same from anywhere.
void lru_cache_add(mm::Page& page);

/// Puts a new page on its list at once: a huge one, which is worth the lock.
void lru_add_at_once(mm::Page& page);

/// Empties this processor's batch, or all processors'. The latter sleeps.
void lru_add_drain();
void lru_add_drain_all();

/// Somebody has used the page: at the second time it becomes active. The caller has a reference.
void mark_page_accessed_slowly(mm::Page& page);
inline void mark_page_accessed(mm::Page& page) {
    constexpr u32 kBoth = mm::kPageActive | mm::kPageReferenced;
    if ((page.flags.load(std::memory_order_relaxed) & kBoth) == kBoth) return;
    mark_page_accessed_slowly(page);
}
void activate_page(mm::Page& page);

/// Takes the page off its list, with a reference for the caller; false if it is on none.
bool isolate_lru_page(mm::Page& page);
/// Puts an isolated page on the list where it now belongs, and drops the reference.
void putback_lru_page(mm::Page& page);

/// A locked area maps the page: nobody may take it. And: none does any more.
void mlock_page(mm::Page& page);
void munlock_page(mm::Page& page);

/// Drops references; the pages whose last one it was are freed, with the lock taken once for many.
void release_pages(std::span<mm::Page*> pages);

}  // namespace vm
