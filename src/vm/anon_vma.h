/// AnonVma: from an anonymous page to the areas that may map it. Linux' struct anon_vma.
///
/// A page of a process's own has no file whose tree of areas could be searched. Instead
/// page.anon_vma names an object made at the area's first such page, with a tree of areas, by
/// page.index. fork gives the child's area an AnonVma of its own, for pages that it will make, and
/// enters it into the trees of the parent's as well, since it maps those pages, too. So a walk from
/// a page made after the fork does not meet the other process, and a page from before finds
/// everybody.
///
///     parent's area ----- AnonVma P            P's tree: parent's area, child's area
///        \__ chain: P                        C's tree: child's area
///     child's area ------ AnonVma C (root: P)
///        \__ chain: P, C
///
/// Splitting an area enters the rest into the same trees; merging takes it out again.
///
/// Invariants: 1. an area that maps an anonymous page stands in the tree of page.anon_vma, with
/// index_of(address) == page.index. 2. All of an area's chain have one root. 3. An AnonVma lives as
/// long as its tree is not empty or somebody counts on it; it counts on its root.
///
/// Lock: `rwsem` of the root, for all trees below it; it sleeps, and is taken after mmap_lock and
/// i_mmap_mutex. No memory is allocated under it, so reclaim may try it.
#pragma once

#include <atomic>

#include "lib/interval_tree.h"
#include "lib/list.h"
#include "lib/result.h"
#include "sched/lock/rwsem.h"

namespace mm {
struct Page;
}

namespace vm {

struct AnonVma;
struct VmArea;

/// "This area stands in that tree."
struct AnonVmaChain {
    VmArea* area;
    AnonVma* anon_vma;
    ListLink same_area{};  // in area->anon_vma_chain
    RbNode node{};         // in anon_vma->areas
    u64 reach = 0;         // the tree's own
};
struct ChainEnds {  // vm_area.h
    static u64 first(const AnonVmaChain& chain);
    static u64 last(const AnonVmaChain& chain);
    static u64& reach(AnonVmaChain& chain) { return chain.reach; }
};
using AreaChain = List<AnonVmaChain, &AnonVmaChain::same_area>;

struct AnonVma {
    AnonVma* root;
    AnonVma* parent;  // the one it was forked from; a root: itself
    std::atomic<u32> ref_count{1};
    // Guarded by the root's lock.
    u32 children = 0;      // whose parent it is; a root counts itself
    u32 active_areas = 0;  // whose `anon_vma` it is: they may add pages
    IntervalTree<AnonVmaChain, &AnonVmaChain::node, ChainEnds> areas;
    sched::RwSemaphore rwsem{"anon_vma"};  // used in roots only

    void get() { ref_count.fetch_add(1, std::memory_order_relaxed); }
    void put();
};

/// Gives `area` an AnonVma if it has none. ENOMEM. mmap_lock is held, at least for reading.
Result<void> make_anon_vma(VmArea& area);
template <class Area>
inline Result<void> anon_vma_prepare(Area& area) {
    const bool has_one = area.anon_vma.load(std::memory_order_acquire) != nullptr;
    return has_one ? Result<void>() : make_anon_vma(area);
}

/// Enters `to`, which stands in no tree, into all that `from` stands in. ENOMEM, and then nothing
/// has changed. mmap_lock is held for writing. If to.anon_vma is set already, it is from.anon_vma.
Result<void> anon_vma_clone(VmArea& to, VmArea& from);

/// The same for the child's area at fork, which gets an AnonVma for pages of its own. ENOMEM.
Result<void> anon_vma_fork(VmArea& child, VmArea& parent);

/// Takes the area, which maps no anonymous page any more, out of all trees.
void unlink_anon_vmas(VmArea& area);

/// Holds the lock of `root`, or nothing if it is null.
class AnonVmaGuard {
public:
    explicit AnonVmaGuard(AnonVma* anon_vma) NO_LOCK_ANALYSIS
        : root_(anon_vma ? anon_vma->root : nullptr) {
        if (root_) root_->rwsem.down_write();
    }
    ~AnonVmaGuard() NO_LOCK_ANALYSIS {
        if (root_) root_->rwsem.up_write();
    }
    AnonVmaGuard(const AnonVmaGuard&) = delete;

private:
    AnonVma* root_;
};

/// The AnonVma of a mapped anonymous page, counted; null if it is not mapped (any more).
AnonVma* get_anon_vma(const mm::Page& page);

}  // namespace vm
