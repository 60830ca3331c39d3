// A huge page becomes single pages, whoever maps it. Linux: split_huge_page_to_list().
//
// References to a part are references to the whole, and change owners when the parts become pages.
// So nobody may come or go meanwhile: the page-table locks of all who map it are held at a time.
// They are only tried for, so their order does not matter, and there are only few of them.

#include "vm/anon_vma.h"
#include "vm/huge/huge.h"
#include "vm/rmap.h"

namespace vm {

namespace {

constexpr usize kMostMappers = 16;

/// Interrupts are off as long as it lives.
class MapperLocks {
public:
    MapperLocks() = default;
    MapperLocks(const MapperLocks&) = delete;
    ~MapperLocks() NO_LOCK_ANALYSIS {
        while (count_ > 0) held_[--count_]->page_table_lock.unlock();
    }
    /// False: somebody else has the lock, or there are too many.
    bool add(MmStruct& mm) NO_LOCK_ANALYSIS {
        for (usize i = 0; i < count_; i++) {
            if (held_[i] == &mm) return true;
        }
        if (count_ == kMostMappers || !mm.page_table_lock.try_lock()) return false;
        held_[count_++] = &mm;
        return true;
    }

private:
    IrqOffGuard irqs_off_;
    MmStruct* held_[kMostMappers];
    usize count_ = 0;
};

/// Calls `body(area)` for each area that may map a part, until it returns false; false then.
template <class Body>
bool for_each_mapper(AnonVma& anon_vma, u64 first, Body body) {
    const u64 last = first + kHugePages - 1;
    for (AnonVmaChain* chain = anon_vma.areas.first_touching(first, last); chain;
         chain = anon_vma.areas.next_touching(*chain, first, last)) {
        if (!body(*chain->area)) return false;
    }
    return true;
}

void split_entry(const mm::Page& head, const VmArea& area) NO_LOCK_ANALYSIS {
    const VirtAddr at = area.address_of(head.index);
    if (huge_down(at) != at) return;
    Pte* const entry = find_huge(*area.mm, at);
    if (!entry || read_pte(entry).pfn() != mm::pfn_of(head)) return;
    split_huge_locked(*area.mm, at, PartsAre::AsTheWhole);
}

u64 entries_of(const mm::Page& head) {
    u64 sum = 0;
    for (u64 i = 0; i < kHugePages; i++) {
        sum += (&head)[i].map_count.load(std::memory_order_acquire);
    }
    return sum;
}

/// Whether the entries and the caller have all references. Entries only become fewer; one that goes
/// does so before its reference, hence the second look.
bool is_otherwise_unused(const mm::Page& head) {
    const u64 before = entries_of(head);
    const u64 references = head.ref_count.load(std::memory_order_acquire);
    return references == before + 1 && entries_of(head) == before;
}

void break_up_isolated(mm::Page& head, PageQueue& parts) {
    AnonVma* const anon_vma = head.anon_vma;
    const u64 index = head.index;
    for (u64 i = 0; i < kHugePages; i++) {
        mm::Page& part = (&head)[i];
        const u32 entries = part.map_count.load(std::memory_order_relaxed);
        become_single(part, anon_vma, index + i, entries + 1, 0);
        parts.push_back(part);
    }
    mm::count_vm(mm::VmItem::ThpSplitPage);
}

/// The lock of the tree is held.
bool split_in(AnonVma& anon_vma, mm::Page& head, PageQueue& parts) {
    MapperLocks locks;
    const bool all = for_each_mapper(anon_vma, head.index,
                                     [&](const VmArea& area) { return locks.add(*area.mm); });
    if (!all) return false;
    for_each_mapper(anon_vma, head.index, [&](const VmArea& area) {
        split_entry(head, area);
        return true;
    });
    if ((&head)[1].compound_map_count.load(std::memory_order_relaxed) != 0) return false;
    if (!is_otherwise_unused(head)) return false;
    break_up_isolated(head, parts);
    return true;
}

}  // namespace

bool split_huge_page(mm::Page& head, PageQueue& parts) NO_LOCK_ANALYSIS {
    AnonVma* const anon_vma = get_anon_vma(head);
    if (!anon_vma) return false;
    sched::RwSemaphore& rwsem = anon_vma->root->rwsem;
    bool split = false;
    if (rwsem.try_down_read()) {
        split = split_in(*anon_vma, head, parts);
        rwsem.up_read();
    }
    anon_vma->put();
    return split;
}

}  // namespace vm
