// The page tables behind areas. Tables are made as they are needed and stay: there are never more
// than the region once needed at the same time (vmap_space.h).

#include "mm/page_alloc.h"
#include "mm/vmalloc/vmap.h"

namespace mm {

namespace {

constinit SpinLock lock{"vmap_pages", LockRank::Vmalloc};

constexpr u64 kFlags =
    Pte::kPresent | Pte::kWritable | Pte::kAccessed | Pte::kDirty | Pte::kGlobal | Pte::kNoExecute;

bool is_first_of_table(VirtAddr at) { return (at.raw() >> kPageShift & (arch::kEntries - 1)) == 0; }

/// Calls `each(entry, index)` for the entries of `count` pages from `at` on, until there is no
/// table; returns how many there were.
template <class Each>
u64 for_entries(VirtAddr at, u64 count, Missing missing, Each each) REQUIRES(lock) {
    Pte* entry = nullptr;
    for (u64 i = 0; i < count; i++, at += kPageSize) {
        if (entry == nullptr || is_first_of_table(at)) {
            Result<Pte*> found = walk(kernel_page_table(), at, missing);
            if (!found.ok()) return i;
            entry = found.value();
        } else {
            entry++;
        }
        each(*entry, i);
    }
    return count;
}

}  // namespace

u64 map_pages(VmapArea& area, u64 at, std::span<Page* const> pages) {
    IrqGuard guard(lock);
    return for_entries(area.at(at), pages.size(), Missing::Create,
                       [&](Pte& entry, u64 i) { entry = Pte::to(pfn_of(*pages[i]), kFlags); });
}

Result<void> map_frames(VmapArea& area, Pfn first, u64 flags) {
    IrqGuard guard(lock);
    const u64 mapped = for_entries(area.at(0), area.pages, Missing::Create, [&](Pte& entry, u64 i) {
        entry = Pte::to(first + i, kFlags | flags);
    });
    if (mapped < area.pages) return ENOMEM;
    return {};
}

void unmap_pages(VmapArea& area) {
    constexpr u64 kBatch = 32;
    for (u64 first = 0; first < area.pages; first += kBatch) {
        Page* freed[kBatch];
        u64 count = 0;
        {
            IrqGuard guard(lock);
            // Where mapping has failed, there is not even a table.
            for_entries(area.at(first), std::min(kBatch, area.pages - first), Missing::Fail,
                        [&](Pte& entry, u64) {
                            if (!entry.present()) return;
                            if (area.kind == VmapKind::Vmalloc) {
                                freed[count++] = &page_of(entry.pfn());
                            }
                            entry = Pte{0};
                        });
        }
        for (u64 i = 0; i < count; i++) put_page(*freed[i]);
    }
}

}  // namespace mm
