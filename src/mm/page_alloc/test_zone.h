/// For tests: a zone of its own, over an array of Pages behind which there is no memory. So it can
/// be tested on the host, and in a running kernel without taking anything from it but the array.
#pragma once

#include "lib/string.h"
#include "lib/test.h"
#include "mm/page_alloc/pcp.h"
#include "mm/page_alloc/zone.h"
#include "mm/vmalloc.h"

namespace mm {

/// Make it with TestForever, since it is too large for a kernel stack, and call make(); then
/// release().
class TestZone {
public:
    static constexpr u64 kMostFrames = 1 << 16;

    /// A zone of `count` frames, all free; false if there is no memory for their Pages.
    bool make(u64 count, Pfn start = Pfn(0x4'0000)) NO_LOCK_ANALYSIS {
        frames = count;
        pages = new_pages(count);
        if (pages == nullptr) return false;
        memset(static_cast<void*>(pages), 0, count * sizeof(Page));
        for (MigrateType& type : types) type = MigrateType::Movable;
        zone.init(start, count, pages, types);
        zone.managed = zone.present = count;
        for (u64 i = 0; i < count; i += u64{1} << kMaxOrder) {
            zone.free_one_page(start + i, kMaxOrder);
        }
        return true;
    }
    void release() { delete_pages(pages, frames); }

    Page* take(unsigned order, MigrateType type = MigrateType::Movable) NO_LOCK_ANALYSIS {
        return zone.rmqueue(order, type);
    }
    void give(Page& page, unsigned order) NO_LOCK_ANALYSIS {
        zone.free_one_page(zone.frame_of(page), order);
    }
    u64 free_blocks(unsigned order) const NO_LOCK_ANALYSIS { return zone.free_area[order].total(); }

    /// Whether invariants 1 to 3 of zone.h hold. Looks at the pages first, then at the lists.
    bool is_sound() NO_LOCK_ANALYSIS {
        u64 free = 0, blocks[kMaxOrder + 1][kMigrateTypes] = {};
        for (u64 i = 0; i < frames; i++) {
            const Page& page = pages[i];
            if (!page.has(kPageBuddy)) continue;
            if (page.order > kMaxOrder || i % (u64{1} << page.order) != 0) return false;
            blocks[page.order][page.migrate_type]++;
            free += u64{1} << page.order;
            const u64 buddy = i ^ u64 { 1 } << page.order;
            if (page.order == kMaxOrder || !pages[buddy].has(kPageBuddy)) continue;
            const bool apart = page.order >= kPageblockOrder &&
                               (types[i >> kPageblockOrder] == MigrateType::HighAtomic ||
                                types[buddy >> kPageblockOrder] == MigrateType::HighAtomic);
            if (pages[buddy].order == page.order && !apart) return false;
        }
        for (unsigned order = 0; order <= kMaxOrder; order++) {
            for (unsigned type = 0; type < kMigrateTypes; type++) {
                const FreeArea& area = zone.free_area[order];
                if (area.nr_free[type] != blocks[order][type]) return false;
                if (area.free_list[type].size() != blocks[order][type]) return false;
            }
        }
        return free == zone.free_pages;
    }

    Zone zone;
    u64 frames = 0;
    Page* pages = nullptr;
    MigrateType types[kMostFrames >> kPageblockOrder] = {};

private:
#ifdef HOST_TEST
    static Page* new_pages(u64 count) {
        alignas(64) static std::byte room[kMostFrames * sizeof(Page)];
        return count <= kMostFrames ? reinterpret_cast<Page*>(room) : nullptr;
    }
    static void delete_pages(Page*, u64) {}
#else
    static Page* new_pages(u64 count) {
        Result<void*> room = vmalloc(count * sizeof(Page));
        return room.ok() ? static_cast<Page*>(room.value()) : nullptr;
    }
    static void delete_pages(Page* pages, u64) { vfree(pages); }
#endif
};

}  // namespace mm
