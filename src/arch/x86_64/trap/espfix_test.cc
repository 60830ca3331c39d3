// The tiny stacks of the last IRET, as they are mapped. What a program sees of them:
// tests/ldt_code.c.

#include "arch/x86_64/trap/espfix.h"

#include "arch/layout.h"
#include "core/percpu/preempt.h"
#include "lib/test.h"
#include "mm/page_table.h"

namespace arch {

TEST(one_stack_has_every_upper_half, "arch.espfix.everywhere") {
    PreemptGuard stay;
    const u64 at = this_cpu_read(espfix_address);
    auto& word = *reinterpret_cast<volatile u64*>(this_cpu_read(espfix_writable));
    const u64 before = word;
    for (u64 half = 0; half < 0x1'0000; half += 0x0fff) {  // the first, the last, and some between
        word = before + half;
        EXPECT_EQ(*reinterpret_cast<volatile u64*>(at | half << 16), before + half);
    }
    word = before;
}

TEST(nobody_can_write_there, "arch.espfix.read_only") {
    const u64 at = this_cpu_read(espfix_address);
    for (u64 half : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0xffffu}) {
        auto found =
            mm::walk(mm::kernel_page_table(), VirtAddr(at | half << 16), mm::Missing::Fail);
        REQUIRE(found.ok());
        const Pte entry = *found.take();
        EXPECT(entry.present() && !entry.writable() && !entry.user());
        EXPECT(entry.bits & Pte::kNoExecute);
    }
}

}  // namespace arch
