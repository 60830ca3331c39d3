// From a page to its entries. Linux: mm/rmap.c.

#include "vm/rmap.h"

#include "vm/huge/huge.h"
#include "vm/lru.h"
#include "vm/page_lock.h"
#include "vm/swap/swap.h"
#include "vm/tables/tlb.h"

namespace vm {

namespace {

/// The entry for `page` at `at`, if it leads there: present, or hidden by PROT_NONE; of a huge page
/// the huge one, or that for its first part.
Pte* entry_of(const mm::Page& page, MmStruct& mm, VirtAddr at) REQUIRES(mm.page_table_lock) {
    Pte* entry = find_pte(*mm.page_table, at);
    if (!entry && page.has(mm::kPageHead)) entry = find_huge(mm, at);
    if (!entry) return nullptr;
    const Pte now = read_pte(entry);
    return has_page(now) && now.pfn() == mm::pfn_of(page) ? entry : nullptr;
}

bool walk_areas(AnonVma& anon_vma, u64 index, RmapVisitor& visitor) {
    for (AnonVmaChain* chain = anon_vma.areas.first_touching(index, index); chain;
         chain = anon_vma.areas.next_touching(*chain, index, index)) {
        if (!visitor.visit(*chain->area, chain->area->address_of(index))) return false;
    }
    return true;
}

bool walk_anon(mm::Page& page, RmapVisitor& visitor, RmapLock lock) NO_LOCK_ANALYSIS {
    AnonVma* anon_vma = get_anon_vma(page);
    if (!anon_vma) return true;  // not mapped: nothing to visit
    sched::RwSemaphore& rwsem = anon_vma->root->rwsem;
    bool locked = true;
    if (lock == RmapLock::Try) {
        locked = rwsem.try_down_read();
    } else {
        rwsem.down_read();
    }
    if (locked) {
        walk_areas(*anon_vma, page.index, visitor);
        rwsem.up_read();
    }
    anon_vma->put();
    return locked;
}

bool walk_file(mm::Page& page, RmapVisitor& visitor, RmapLock lock) NO_LOCK_ANALYSIS {
    AddressSpace* mapping = page.mapping;
    if (!mapping) return true;  // truncated
    if (lock == RmapLock::Wait) {
        mapping->i_mmap_mutex.lock();
    } else if (!mapping->i_mmap_mutex.try_lock()) {
        return false;
    }
    const u64 index = page.index;
    for (MappingLink* link = mapping->i_mmap.first_touching(index, index); link;
         link = mapping->i_mmap.next_touching(*link, index, index)) {
        if (!visitor.visit(*link->area, link->area->address_of(index))) break;
    }
    mapping->i_mmap_mutex.unlock();
    return true;
}

class ReferencedVisitor final : public RmapVisitor {
public:
    explicit ReferencedVisitor(mm::Page& page) : page_(page) {}
    bool visit(VmArea& area, VirtAddr at) override {
        IrqGuard guard(area.mm->page_table_lock);
        Pte* entry = entry_of(page_, *area.mm, at);
        if (!entry) return true;
        found.area_flags |= area.flags;
        // No flush: a processor that still has the entry in its TLB goes on unseen for a while,
        // which costs less than interrupting it.
        if (read_pte(entry).bits & Pte::kAccessed) {
            clear_pte_flags(entry, Pte::kAccessed);
            found.entries++;
        }
        return true;
    }
    Referenced found;

private:
    mm::Page& page_;
};

class CleanVisitor final : public RmapVisitor {
public:
    explicit CleanVisitor(mm::Page& page) : page_(page) {}
    bool visit(VmArea& area, VirtAddr at) override {
        if (!area.is_shared()) return true;
        {
            IrqGuard guard(area.mm->page_table_lock);
            Pte* entry = entry_of(page_, *area.mm, at);
            if (!entry) return true;
            const Pte old = read_pte(entry);
            if (!(old.bits & (Pte::kWritable | Pte::kDirty))) return true;
            clear_pte_flags(entry, Pte::kWritable | Pte::kDirty);
            if (old.dirty()) page_.set(mm::kPageDirty);
        }
        flush_tlb_range(*area.mm, at, at + kPageSize);
        cleaned++;
        return true;
    }
    u32 cleaned = 0;

private:
    mm::Page& page_;
};

class UnmapVisitor final : public RmapVisitor {
public:
    explicit UnmapVisitor(mm::Page& page) : page_(page) {}
    bool visit(VmArea& area, VirtAddr at) override {
        if (area.flags & kVmLocked) return true;
        if (!take_entry(*area.mm, at)) return true;
        flush_tlb_range(*area.mm, at, at + kPageSize);
        page_remove_rmap(page_);
        mm::put_page(page_);  // not the last one: the caller has his
        return is_page_mapped(page_);
    }

private:
    /// A processor that still has the entry in its TLB may go on writing until the flush, but only
    /// if the entry was dirty: setting that bit would need the entry.
    bool take_entry(MmStruct& mm, VirtAddr at) {
        IrqGuard guard(mm.page_table_lock);
        Pte* entry = entry_of(page_, mm, at);
        if (!entry) return false;
        RssDelta rss;
        Pte place{0};
        if (page_.has(mm::kPageAnon)) {
            const SwapEntry swap{page_.private_data};
            if (!page_.has(mm::kPageSwapCache) || !swap_duplicate(swap)) return false;
            place = swap_pte(swap).with(read_pte(entry).bits & Pte::kSoftDirty);
            rss.swap = 1;
            note_mm_has_swap(mm);
        }
        const Pte old = exchange_pte(entry, place);
        if (old.dirty()) page_.set(mm::kPageDirty);
        rss.add(page_, -1);
        rss.apply(mm);
        return true;
    }

    mm::Page& page_;
};

}  // namespace

void page_lost_last_mapping(mm::Page& page) {
    mm::count_vm(page.has(mm::kPageAnon) ? mm::VmItem::AnonPages : mm::VmItem::MappedPages, -1);
    if (page.has(mm::kPageMlocked)) munlock_page(page);
    // The swap cache would keep a page that nothing can lead to any more.
    if (page.has(mm::kPageSwapCache) && try_lock_page(page)) {
        if (!is_page_mapped(page)) try_to_free_swap(page);
        unlock_page(page);
    }
}

void page_add_anon_rmap(mm::Page& page, const VmArea& area, VirtAddr at, Sharing sharing) {
    if (page.map_count.load(std::memory_order_relaxed) == 0) {
        AnonVma* anon_vma = area.anon_vma.load(std::memory_order_relaxed);
        if (sharing == Sharing::Possible) anon_vma = anon_vma->root;
        std::atomic_ref(page.anon_vma).store(anon_vma, std::memory_order_release);
        page.index = area.index_of(at);
        page.flags.fetch_or(mm::kPageAnon | mm::kPageSwapBacked, std::memory_order_release);
    }
    if (page.map_count.fetch_add(1, std::memory_order_seq_cst) != 0) return;
    mm::count_vm(mm::VmItem::AnonPages);
}

bool rmap_walk(mm::Page& page, RmapVisitor& visitor, RmapLock lock) {
    return page.has(mm::kPageAnon) ? walk_anon(page, visitor, lock)
                                   : walk_file(page, visitor, lock);
}

Referenced page_referenced(mm::Page& page) {
    if (!is_page_mapped(page) && !page.has(mm::kPageHead)) return {};
    ReferencedVisitor visitor(page);
    visitor.found.could_look = rmap_walk(page, visitor, RmapLock::Try);
    return visitor.found;
}

u32 page_mkclean(mm::Page& page) {
    if (!is_page_mapped(page) || page.has(mm::kPageAnon)) return 0;
    CleanVisitor visitor(page);
    rmap_walk(page, visitor, RmapLock::Wait);
    return visitor.cleaned;
}

bool try_to_unmap(mm::Page& page) {
    if (!is_page_mapped(page)) return true;
    UnmapVisitor visitor(page);
    return rmap_walk(page, visitor, RmapLock::Try) && !is_page_mapped(page);
}

}  // namespace vm
