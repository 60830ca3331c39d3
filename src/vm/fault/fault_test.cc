// Faults: zero page, copy-on-write, stacks; and the calls that move or drop pages.

#include "arch/layout.h"
#include "vm/areas.h"
#include "vm/tables/page_walk.h"
#include "vm/test_memory.h"

namespace vm {

namespace {

using upcall::Access;

/// The frame that `at` is mapped to, 0 if none.
u64 frame_at(MmStruct& mm, VirtAddr at) {
    Pte* entry = find_pte(*mm.page_table, at);
    return entry && entry->present() ? entry->pfn().raw() : 0;
}
bool is_writable(MmStruct& mm, VirtAddr at) {
    Pte* entry = find_pte(*mm.page_table, at);
    return entry && entry->present() && entry->writable();
}

}  // namespace

TEST(untouched_memory_is_zero_and_free, "vm.fault.zero") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(4);
    EXPECT_EQ(mm->page_table_pages.load(), 0);
    EXPECT_EQ(mm.touch(at, Access::Read), 0);
    EXPECT_EQ(mm.touch(at + kPageSize, Access::Read), 0);
    EXPECT_EQ(mm->rss(), 0);
    EXPECT_EQ(mm->page_table_pages.load(), 3);
    EXPECT_EQ(frame_at(*mm, at), frame_at(*mm, at + kPageSize));  // one page for all
    EXPECT(!is_writable(*mm, at));

    EXPECT_EQ(mm.touch(at, Access::Write), 0);
    EXPECT_EQ(mm->rss_anon.load(), 1);
    EXPECT(is_writable(*mm, at) && frame_at(*mm, at) != frame_at(*mm, at + kPageSize));
    EXPECT_EQ(mm.read(at), 0u);
    EXPECT_EQ(errno_of(mm->munmap(at, 4 * kPageSize)), 0);
    EXPECT_EQ(mm->rss(), 0);
    EXPECT_EQ(mm->page_table_pages.load(), 0);
}

TEST(wrong_accesses_are_told_apart, "vm.fault.rights") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr readable = mm.map(1, abi::PROT_READ);
    const VirtAddr none = mm.map(1, abi::PROT_NONE);
    EXPECT_EQ(mm.touch(readable, Access::Read), 0);
    EXPECT_EQ(mm.touch(readable, Access::Write), number(EACCES));
    EXPECT_EQ(mm.touch(readable, Access::Execute), number(EACCES));
    EXPECT_EQ(mm.touch(none, Access::Read), number(EACCES));
    EXPECT_EQ(mm.touch(VirtAddr(0), Access::Read), number(EFAULT));
    EXPECT_EQ(mm.touch(none - kPageSize, Access::Read), number(EFAULT));
    EXPECT_EQ(mm.touch(arch::kUserEnd, Access::Read), number(EFAULT));
}

TEST(reaped_memory_is_not_made_anew, "vm.fault.reaped") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(3);
    const VirtAddr shared = mm.map(1, abi::PROT_READ | abi::PROT_WRITE, abi::MAP_SHARED);
    for (u64 i = 0; i < 2; i++) EXPECT(mm.write(at + i * kPageSize, 7 + i));
    mm->is_reaped.store(true);
    EXPECT_EQ(errno_of(mm->madvise(at, kPageSize, abi::MADV_DONTNEED)), 0);
    for (const Access access : {Access::Read, Access::Write}) {
        EXPECT_EQ(mm.touch(at, access), number(EFAULT));
        EXPECT_EQ(mm.touch(at + 2 * kPageSize, access), number(EFAULT));
        EXPECT_EQ(mm.touch(shared, access), 0);
    }
    EXPECT_EQ(mm.read(at), TestMm::kUnreadable);
    EXPECT_EQ(mm.read(at + kPageSize), 8u);
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    EXPECT(!copy.ok());
    if (copy.ok()) copy.value()->put();
}

TEST(fork_shares_until_written, "vm.fork.cow") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(3);
    for (u64 i = 0; i < 3; i++) EXPECT(mm.write(at + i * kPageSize, 100 + i));
    for (u64 i = 0; i < 3; i++) EXPECT(mm.write(at + i * kPageSize + 4088, 200 + i));
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    REQUIRE(copy.ok());
    TestMm child(copy.value());
    EXPECT_EQ(child->rss_anon.load(), 3);
    EXPECT_EQ(frame_at(*mm, at), frame_at(*child, at));
    EXPECT(!is_writable(*mm, at) && !is_writable(*child, at));

    EXPECT(child.write(at, 7));  // the child's copy
    EXPECT_EQ(mm.read(at), 100u);
    EXPECT_EQ(child.read(at), 7u);
    EXPECT(mm.write(at + kPageSize, 8));  // the parent's
    EXPECT_EQ(child.read(at + kPageSize), 101u);
    EXPECT_EQ(mm.read(at + kPageSize), 8u);
    EXPECT_EQ(child.read(at + 4088), 200u);  // the rest of the page came along
    EXPECT_EQ(mm.read(at + kPageSize + 4088), 201u);
    EXPECT_EQ(mm->rss_anon.load(), 3);
    EXPECT_EQ(child->rss_anon.load(), 3);

    // Who is left alone with a page keeps it.
    const u64 shared_frame = frame_at(*mm, at + 2 * kPageSize);
    child.end();
    EXPECT(mm.write(at + 2 * kPageSize, 9));
    EXPECT_EQ(frame_at(*mm, at + 2 * kPageSize), shared_frame);
}

TEST(mprotect_respects_sharing, "vm.fork.mprotect") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(2);
    EXPECT(mm.write(at, 1) && mm.write(at + kPageSize, 2));
    EXPECT(mm->mprotect(at, 2 * kPageSize, abi::PROT_READ).ok());
    EXPECT(!is_writable(*mm, at));
    EXPECT(mm->mprotect(at, kPageSize, 3).ok());
    EXPECT(is_writable(*mm, at));  // nobody else has it: no fault needed
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    REQUIRE(copy.ok());
    TestMm child(copy.value());
    EXPECT(mm->mprotect(at, 2 * kPageSize, abi::PROT_NONE).ok());
    EXPECT_EQ(mm.touch(at, Access::Read), number(EACCES));
    EXPECT(mm->mprotect(at, 2 * kPageSize, 3).ok());
    EXPECT(!is_writable(*mm, at) && !is_writable(*mm, at + kPageSize));
    EXPECT(mm.write(at, 7) && mm.write(at + kPageSize, 8));
    EXPECT_EQ(child.read(at), 1u);
    EXPECT_EQ(child.read(at + kPageSize), 2u);
}

TEST(fork_obeys_advice, "vm.fork.advice") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(3);
    for (u64 i = 0; i < 3; i++) EXPECT(mm.write(at + i * kPageSize, 1));
    EXPECT(mm->madvise(at, kPageSize, abi::MADV_DONTFORK).ok());
    EXPECT(mm->madvise(at + kPageSize, kPageSize, abi::MADV_WIPEONFORK).ok());
    const VirtAddr shared = mm.map(1, 3, abi::MAP_SHARED);
    EXPECT(mm.write(shared, 5));
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    REQUIRE(copy.ok());
    TestMm child(copy.value());
    EXPECT_EQ(child.read(at), TestMm::kUnreadable);
    EXPECT_EQ(child.read(at + kPageSize), 0u);
    EXPECT_EQ(child.read(at + 2 * kPageSize), 1u);
    EXPECT_EQ(child.read(shared), 5u);
    EXPECT(child.write(shared, 6));
    EXPECT_EQ(mm.read(shared), 6u);
    EXPECT_EQ(mm->rss_shmem.load(), 1);
}

TEST(stack_grows_to_its_guard, "vm.fault.stack") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr stack(0x5000'0000'0000);
    const u32 fixed = abi::MAP_PRIVATE | abi::MAP_FIXED;
    EXPECT_EQ(mm.map(1, 3, fixed | abi::MAP_GROWSDOWN, stack), stack);
    EXPECT_EQ(mm.touch(stack - 100 * kPageSize, Access::Write), 0);
    EXPECT_EQ(mm->find_vma(stack)->start, stack - 100 * kPageSize);

    const VirtAddr below = stack - 1000 * kPageSize;
    EXPECT_EQ(mm.map(1, 3, fixed, below), below);
    EXPECT_EQ(mm.touch(below + 257 * kPageSize, Access::Write), 0);
    EXPECT_EQ(mm.touch(below + 256 * kPageSize, Access::Write), number(EFAULT));
    EXPECT_EQ(mm.touch(below + kPageSize, Access::Write), number(EFAULT));
}

TEST(heap_moves_its_break, "vm.brk") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr start(0x4000'0010);
    mm->start_brk = mm->brk_end = start;
    EXPECT_EQ(mm->brk(VirtAddr(0)), start);
    EXPECT_EQ(mm->brk(start + 3 * kPageSize), start + 3 * kPageSize);
    EXPECT(mm.write(page_up(start), 1));
    EXPECT_EQ(mm->brk(start + 5 * kPageSize), start + 5 * kPageSize);
    EXPECT_EQ(mm->area_count, 1u);
    EXPECT_EQ(mm->brk(start - 1), start + 5 * kPageSize);
    EXPECT_EQ(mm->brk(VirtAddr(~u64{0})), start + 5 * kPageSize);
    EXPECT_EQ(mm->brk(start), start);
    EXPECT_EQ(mm->area_count, 0u);
    EXPECT_EQ(mm->rss(), 0);

    const VirtAddr wall = page_up(start) + 8 * kPageSize;
    EXPECT_EQ(mm.map(1, 3, abi::MAP_PRIVATE | abi::MAP_FIXED, wall), wall);
    EXPECT_EQ(mm->brk(wall), start);  // one page is kept between
    EXPECT_EQ(mm->brk(wall - kPageSize), wall - kPageSize);
}

TEST(mremap_keeps_contents, "vm.mremap") {
    TestMm mm;
    REQUIRE(mm);
    EXPECT(mm.map(1, abi::PROT_READ).raw() != 0);  // in the way of what comes below it
    const VirtAddr at = mm.map(4);
    for (u64 i = 0; i < 4; i++) EXPECT(mm.write(at + i * kPageSize, i + 1));
    EXPECT_EQ(errno_of(mm->mremap(at, 4 * kPageSize, 2 * kPageSize, 0, at)), 0);
    EXPECT_EQ(mm.read(at + 2 * kPageSize), TestMm::kUnreadable);
    EXPECT_EQ(errno_of(mm->mremap(at, 2 * kPageSize, 3 * kPageSize, 0, at)), 0);
    EXPECT_EQ(mm.read(at + 2 * kPageSize), 0u);
    EXPECT_EQ(errno_of(mm->mremap(at, 3 * kPageSize, 9 * kPageSize, 0, at)), number(ENOMEM));

    Result<VirtAddr> moved = mm->mremap(at, 3 * kPageSize, 900 * kPageSize, 1, at);
    REQUIRE(moved.ok());
    EXPECT(moved.value() != at);
    EXPECT_EQ(mm.read(moved.value()), 1u);
    EXPECT_EQ(mm.read(moved.value() + kPageSize), 2u);
    EXPECT_EQ(mm.read(at), TestMm::kUnreadable);

    const VirtAddr place(0x3000'0000'0000);
    const u32 fixed = abi::MREMAP_MAYMOVE | abi::MREMAP_FIXED;
    Result<VirtAddr> again = mm->mremap(moved.value(), 2 * kPageSize, 2 * kPageSize, fixed, place);
    EXPECT(again.ok() && again.value() == place);
    EXPECT_EQ(mm.read(place + kPageSize), 2u);
    EXPECT_EQ(errno_of(mm->mremap(place, kPageSize, kPageSize, fixed, place)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->mremap(place, 0, kPageSize, 1, place)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->mremap(place + 1, kPageSize, kPageSize, 0, place)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->mremap(VirtAddr(0), kPageSize, 2 * kPageSize, 0, place)),
              number(EFAULT));
    EXPECT_EQ(errno_of(mm->mremap(place, kPageSize, 0, 0, place)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->mremap(place, kPageSize, kPageSize, 8, place)), number(EINVAL));
}

}  // namespace vm
