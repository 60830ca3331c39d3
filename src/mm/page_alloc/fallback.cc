// No free block of the wanted migrate type: whose is taken? Linux: __rmqueue_fallback(),
// steal_suitable_fallback(), reserve_highatomic_pageblock() in mm/page_alloc.c.
//
// Taking one page out of somebody else's pageblock spoils that pageblock. So the *largest* block
// is taken, and if it is most of a pageblock, the whole pageblock changes its type: the next
// allocations of this type find their place there, too. Only movable pages, which do least harm,
// take the smallest block instead, if the largest is not worth a pageblock.

#include "mm/page_alloc/zone.h"

namespace mm {

namespace {

constexpr MigrateType kFallbacks[kPcpTypes][2] = {
    /* Unmovable */ {MigrateType::Reclaimable, MigrateType::Movable},
    /* Movable */ {MigrateType::Reclaimable, MigrateType::Unmovable},
    /* Reclaimable */ {MigrateType::Unmovable, MigrateType::Movable},
};

/// The first page of `area` that an allocation of `type` may take, or null.
Page* find_fallback(const FreeArea& area, MigrateType type) {
    for (const MigrateType other : kFallbacks[static_cast<u8>(type)]) {
        if (Page* page = area.first(other)) return page;
    }
    return nullptr;
}

/// Whether a block of this order is worth looking at the whole pageblock.
bool may_claim_pageblock(unsigned order, MigrateType type) {
    return order >= kPageblockOrder / 2 || type != MigrateType::Movable;
}

/// Pages in use that could be moved or evicted.
bool is_movable(const Page& page) { return page.has(kPageLru) || page.has(kPageAnon); }

}  // namespace

const char* migrate_type_name(MigrateType type) {
    constexpr const char* kNames[kMigrateTypes] = {"Unmovable", "Movable", "Reclaimable",
                                                   "HighAtomic"};
    return kNames[static_cast<u8>(type)];
}

/// Whether the pageblock that begins at `first` lies wholly in the zone.
bool Zone::owns_pageblock(Pfn first) const {
    return contains(first) && contains(first + (kPageblockPages - 1));
}

/// Puts all free blocks of the pageblock on the lists of `type`; returns their frames.
u64 Zone::move_freepages_block(Pfn first, MigrateType type) {
    u64 moved = 0;
    for (Pfn at = first; at < first + kPageblockPages;) {
        Page& candidate = page(at);
        if (!candidate.has(kPageBuddy) || candidate.zone != id) {
            at += 1;
            continue;
        }
        const unsigned order = candidate.order;
        del_from_free_list(candidate, order);
        add_to_free_list(candidate, order, type);
        at += u64{1} << order;
        moved += u64{1} << order;
    }
    return moved;
}

/// Makes the free block `page` one of `type`, and its whole pageblock, if at least half of that is
/// free or of a like type.
void Zone::steal(Page& page, unsigned order, MigrateType type) {
    const Pfn at = frame_of(page);
    if (order >= kPageblockOrder) {
        for (u64 i = 0; i < u64{1} << order; i += kPageblockPages) set_pageblock_type(at + i, type);
        del_from_free_list(page, order);
        add_to_free_list(page, order, type);
        return;
    }
    const Pfn first(align_down(at.raw(), kPageblockPages));
    if (may_claim_pageblock(order, type) && owns_pageblock(first)) {
        u64 free = 0, movable = 0;
        for (u64 i = 0; i < kPageblockPages; i++) {
            const Page& other = this->page(first + i);
            if (other.has(kPageBuddy)) free += u64{1} << other.order;
            movable += is_movable(other);
        }
        u64 alike = 0;
        if (type == MigrateType::Movable) {
            alike = movable;
        } else if (pageblock_type(first) != MigrateType::Movable) {
            alike = kPageblockPages - free - movable;  // the kernel's, of either kind
        }
        if (free + alike >= kPageblockPages / 2) {
            move_freepages_block(first, type);
            set_pageblock_type(first, type);
            return;
        }
    }
    del_from_free_list(page, order);
    add_to_free_list(page, order, type);
}

Page* Zone::rmqueue_fallback(unsigned order, MigrateType type) {
    for (unsigned found = kMaxOrder + 1; found-- > order;) {
        Page* page = find_fallback(free_area[found], type);
        if (page == nullptr) continue;
        if (!may_claim_pageblock(found, type)) {  // then as little as possible
            for (found = order; (page = find_fallback(free_area[found], type)) == nullptr;) found++;
        }
        steal(*page, found, type);
        return rmqueue_smallest(order, type);
    }
    return nullptr;
}

Page* Zone::rmqueue(unsigned order, MigrateType type) {
    if (Page* page = rmqueue_smallest(order, type)) return page;
    return rmqueue_fallback(order, type);
}

void Zone::reserve_highatomic_pageblock(Page& page) {
    const Pfn first(align_down(frame_of(page).raw(), kPageblockPages));
    if (nr_reserved_highatomic + kPageblockPages > managed / 100) return;
    if (!owns_pageblock(first) || pageblock_type(first) == MigrateType::HighAtomic) return;
    set_pageblock_type(first, MigrateType::HighAtomic);
    nr_reserved_highatomic += kPageblockPages;
    move_freepages_block(first, MigrateType::HighAtomic);
}

bool Zone::unreserve_highatomic_pageblock() {
    for (FreeArea& area : free_area) {
        Page* page = area.first(MigrateType::HighAtomic);
        if (page == nullptr) continue;
        const Pfn first(align_down(frame_of(*page).raw(), kPageblockPages));
        set_pageblock_type(first, MigrateType::Movable);
        nr_reserved_highatomic -= kPageblockPages;
        move_freepages_block(first, MigrateType::Movable);
        return true;
    }
    return false;
}

}  // namespace mm
