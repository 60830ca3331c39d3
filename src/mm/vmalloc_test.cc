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

}  // namespace mm
