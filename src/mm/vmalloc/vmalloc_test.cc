// Memory that is contiguous in addresses only.

#include "mm/vmalloc.h"

#include "core/percpu/percpu.h"
#include "lib/string.h"
#include "lib/test.h"
#include "mm/page_alloc.h"

namespace mm {

// Each page table of the region maps 2 MiB: a search that only goes on would need 20 of them here.
TEST(vmalloc_uses_addresses_again, "mm.vmalloc.addresses") {
    purge_vmap_areas();
    u64 lowest = ~u64{0}, highest = 0;
    for (int i = 0; i < 2000; i++) {
        Result<void*> area = vmalloc(4 * kPageSize);
        EXPECT(area.ok());
        if (!area.ok()) return;
        const u64 at = reinterpret_cast<u64>(area.value());
        lowest = std::min(lowest, at);
        highest = std::max(highest, at);
        vfree(area.value());
    }
    EXPECT(highest - lowest < u64{8} << 20);
}

// Stale translations would show old memory at an address that is used again.
TEST(vmalloc_is_zero_when_used_again, "mm.vmalloc.zero") {
    for (int i = 0; i < 300; i++) {
        Result<void*> area = vmalloc(2 * kPageSize);
        EXPECT(area.ok());
        if (!area.ok()) return;
        auto* words = static_cast<u64*>(area.value());
        EXPECT_EQ(words[0] | words[kPageSize / 8], u64{0});
        memset(words, 0xa5, 2 * kPageSize);
        vfree(words);
    }
}

// Pages that lie anywhere, seen one behind the other.
TEST(vmap_of_pages, "mm.vmalloc.vmap") {
    Page* pages[5];
    for (Page*& page : pages) page = alloc_page(Gfp::Kernel).take();
    std::swap(pages[0], pages[3]);
    for (u64 i = 0; i < 5; i++) *bytes_of<u64>(*pages[i]) = i * 100;
    auto* const words = static_cast<u64*>(vmap(pages).take());
    for (u64 i = 0; i < 5; i++) EXPECT_EQ(words[i * kPageSize / 8], i * 100);
    words[kPageSize / 8] = 7;
    EXPECT_EQ(*bytes_of<u64>(*pages[1]), 7u);
    vunmap(words);
    for (Page* page : pages) {
        EXPECT_EQ(page->ref_count.load(), 1u);  // still ours
        put_page(*page);
    }
}

// The areas of as many stacks as the system may have tasks, in the order in which tasks end: none.
TEST(vmalloc_many_areas, "mm.vmalloc.many") {
    constexpr u32 kAreas = 2000;
    static constinit void* areas[kAreas];
    TestRandom random(test.seed);
    for (void*& area : areas) {
        Result<void*> made = vmalloc(sizeof(u64));
        REQUIRE(made.ok());
        area = made.value();
        *static_cast<u64*>(area) = reinterpret_cast<u64>(area);
    }
    for (u32 i = kAreas; i > 1; i--) std::swap(areas[i - 1], areas[random.below(i)]);
    for (void* area : areas) {
        EXPECT_EQ(*static_cast<u64*>(area), reinterpret_cast<u64>(area));
        vfree(area);
    }
    purge_vmap_areas();
}

TEST(vmalloc_is_listed, "mm.vmalloc.info") {
    auto* const memory = vmalloc(3 * kPageSize).take();
    const VirtAddr at(reinterpret_cast<u64>(memory));
    VmapInfo info{};
    REQUIRE(next_vmap_area(at, info));
    EXPECT(info.start == at && info.pages == 3 && info.bytes == 4 * kPageSize && !info.is_dead);
    EXPECT(info.kind == VmapKind::Vmalloc && info.caller != 0);
    vfree(memory);
    EXPECT(!next_vmap_area(at, info) || info.start != at || info.is_dead);
    purge_vmap_areas();
    EXPECT(!next_vmap_area(at, info) || info.start != at);
    EXPECT(!is_vmalloc_address(&info) || is_vmalloc_address(memory));
}

}  // namespace mm
