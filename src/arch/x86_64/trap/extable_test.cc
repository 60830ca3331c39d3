// The exception table: order and search, and that the kernel's own table is in order.

#include "arch/x86_64/trap/extable.h"

#include "arch/user_access.h"
#include "lib/test.h"

namespace arch {

TEST(search_finds_each_entry_and_no_other, "arch.extable.search") {
    ExtableEntry table[33];
    TestRandom random(test.seed);
    for (usize size : {0u, 1u, 2u, 3u, 16u, 33u}) {
        const std::span<ExtableEntry> part(table, size);
        for (usize i = 0; i < size; i++) part[i] = {.at = 100 + 10 * i, .resume = 1000 + i};
        for (usize i = size; i > 1; i--) std::swap(part[i - 1], part[random.below(i)]);
        sort_extable(part);
        for (usize i = 0; i < size; i++) {
            const ExtableEntry* found = search_extable(part, 100 + 10 * i);
            REQUIRE(found != nullptr);
            EXPECT_EQ(found->resume, 1000 + i);
            EXPECT(search_extable(part, 99 + 10 * i) == nullptr);
            EXPECT(search_extable(part, 101 + 10 * i) == nullptr);
        }
        EXPECT(search_extable(part, 0) == nullptr);
        EXPECT(search_extable(part, ~u64{0}) == nullptr);
    }
}

TEST(the_kernels_table_is_used, "arch.extable.kernel") {
    TrapFrame frame{};
    frame.rip = reinterpret_cast<u64>(&load_user_u32);  // its first instruction is a nop, or stac
    EXPECT(!is_expected_fault(frame));
    EXPECT(!fixup_exception(frame));
    frame.rip += 3;
    EXPECT(is_expected_fault(frame));
    EXPECT(fixup_exception(frame));
    EXPECT(frame.rip > reinterpret_cast<u64>(&load_user_u32) + 3);
    EXPECT(frame.rip < reinterpret_cast<u64>(&compare_exchange_user_u32));
}

}  // namespace arch
