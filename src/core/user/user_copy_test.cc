// The instructions that touch user memory, at addresses that no page table can have: there the
// fault is a general protection, or a stack fault, without an address. Callers never let it come to
// that; the fixups hold nevertheless.

#include "arch/layout.h"
#include "arch/user_access.h"
#include "core/user/user_ptr.h"
#include "lib/test.h"

namespace {

constexpr u64 kNonCanonical[] = {0x8000'0000'0000, 0x8000'0000'0000'0000, 0xffff'7fff'ffff'ffff};

void* at(u64 address) { return reinterpret_cast<void*>(address); }

}  // namespace

TEST(copies_at_non_canonical_addresses, "core.user.non_canonical") {
    u8 bytes[64] = {};
    for (const u64 address : kNonCanonical) {
        for (usize count : {1u, 7u, 8u, 13u, 64u}) {
            EXPECT(arch::copy_user(bytes, at(address), count) == count);
            EXPECT(arch::copy_user(at(address), bytes, count) == count);
            EXPECT(arch::clear_user_memory(at(address), count) == count);
        }
        u32 value = 7;
        EXPECT(arch::load_user_u32(static_cast<const u32*>(at(address)), &value) != 0);
        EXPECT(arch::compare_exchange_user_u32(static_cast<u32*>(at(address)), 0, 1, &value) != 0);
        EXPECT(value == 7);
    }
}

TEST(user_ranges_end_before_the_hole, "core.user.ranges") {
    u8 bytes[16] = {};
    const VirtAddr end = arch::kUserEnd;
    EXPECT(copy_from_user_partial(bytes, end, 1) == 1);
    EXPECT(copy_to_user_partial(end + ~u64{0}, bytes, 2) == 2);
    EXPECT(copy_from_user_partial(bytes, VirtAddr(~u64{0}), 16) == 16);
    EXPECT(copy_to_user_partial(VirtAddr(0x1000), bytes, ~u64{0}) == ~u64{0});
    EXPECT(!clear_user(end, 1).ok());
    EXPECT(clear_user(end, 0).ok());
}
