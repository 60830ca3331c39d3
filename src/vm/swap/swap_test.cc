// Swapping, to a device that the test makes up.

#include "vm/swap/swap.h"

#include "lib/string.h"
#include "mm/page_alloc.h"
#include "vm/lru.h"
#include "vm/page_lock.h"
#include "vm/reclaim/reclaim.h"
#include "vm/shmem.h"
#include "vm/tables/page_walk.h"
#include "vm/test_memory.h"

namespace vm {

namespace {

constexpr u64 kSlots = 128;
constinit mm::Page* slots[kSlots] = {};

/// Keeps pages in memory; may be told to fail.
class TestSwap final : public SwapBackend {
public:
    Result<void> read(mm::Page& page, u64 slot) override {
        reads++;
        if (broken) return EIO;
        memcpy(mm::bytes_of(page), mm::bytes_of(*slots[slot]), kPageSize);
        return {};
    }
    void write(mm::Page& page, u64 slot) override {
        writes++;
        if (!broken) memcpy(mm::bytes_of(*slots[slot]), mm::bytes_of(page), kPageSize);
        swap_write_end(page, !broken);
    }
    usize describe(std::span<char> room) override { return copy_string(room, "test"); }
    bool is_file() const override { return false; }
    void release() override { released = true; }

    u32 reads = 0, writes = 0;
    bool broken = false, released = false;
};

/// Swap space for the length of a test.
class TestSwapSpace {
public:
    TestSwapSpace() {
        for (mm::Page*& slot : slots) {
            Result<mm::Page*> page = mm::alloc_page(mm::Gfp::Kernel);
            if (!page.ok()) return;
            slot = page.value();
        }
        is_on = add_swap_area({&backend, kSlots, {}, 32767}).ok();
    }
    ~TestSwapSpace() {
        off();
        for (mm::Page*& slot : slots) {
            if (slot) mm::put_page(*std::exchange(slot, nullptr));
        }
    }
    TestSwapSpace(const TestSwapSpace&) = delete;

    bool off() {
        if (!is_on) return false;
        const auto is_ours = [](SwapBackend& one, void* ours) { return &one == ours; };
        is_on = !remove_swap_area(is_ours, static_cast<SwapBackend*>(&backend)).ok();
        return !is_on;
    }
    u64 used() {
        u64 pages = 0;
        for_each_swap_area(
            [](const SwapReport& area, void* sum) {
                if (area.priority == 32767) *static_cast<u64*>(sum) = area.used;
            },
            &pages);
        return pages;
    }

    TestSwap backend;
    bool is_on = false;
};

u64 swap_out(TestMm& mm, VirtAddr at, u64 pages) {
    sched::ReadGuard guard(mm->mmap_lock);
    return reclaim_range(*mm, at, at + pages * kPageSize);
}

}  // namespace

TEST(pages_come_back, "vm.swap.private") {
    TestSwapSpace space;
    REQUIRE(space.is_on);
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(40);
    for (u64 i = 0; i < 40; i++) EXPECT(mm.write(at + i * kPageSize, 1000 + i));
    EXPECT_EQ(swap_out(mm, at, 40), 40u);
    EXPECT_EQ(mm->rss_anon.load(), 0);
    EXPECT_EQ(mm->swap_pages.load(), 40);
    EXPECT_EQ(space.used(), 40u);
    EXPECT_EQ(space.backend.writes, 40u);

    EXPECT_EQ(mm.read(at), 1000u);
    EXPECT(space.backend.reads > 1);  // neighbours came along
    for (u64 i = 0; i < 40; i++) EXPECT_EQ(mm.read(at + i * kPageSize), 1000 + i);
    EXPECT_EQ(mm->rss_anon.load(), 40);
    EXPECT_EQ(mm->swap_pages.load(), 0);

    // What was not changed meanwhile need not be written again.
    EXPECT(mm.write(at, 7));
    EXPECT_EQ(swap_out(mm, at, 40), 40u);
    EXPECT_EQ(space.backend.writes, 41u);
    EXPECT_EQ(mm.read(at), 7u);
    EXPECT(mm->munmap(at, 20 * kPageSize).ok());
    EXPECT(space.used() <= 20u);
    EXPECT(space.off());
    EXPECT(space.backend.released);
    for (u64 i = 20; i < 40; i++) EXPECT_EQ(mm.read(at + i * kPageSize), 1000 + i);
    EXPECT_EQ(mm->swap_pages.load(), 0);
}

TEST(swapped_pages_are_shared, "vm.swap.fork") {
    TestSwapSpace space;
    REQUIRE(space.is_on);
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(8);
    for (u64 i = 0; i < 8; i++) EXPECT(mm.write(at + i * kPageSize, i));
    EXPECT_EQ(swap_out(mm, at, 8), 8u);
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    REQUIRE(copy.ok());
    TestMm child(copy.value());
    EXPECT_EQ(child->swap_pages.load(), 8);
    EXPECT_EQ(space.used(), 8u);
    EXPECT(child.write(at, 100));
    EXPECT_EQ(mm.read(at), 0u);
    EXPECT_EQ(child.read(at), 100u);
    EXPECT(mm.write(at + kPageSize, 101));
    EXPECT_EQ(child.read(at + kPageSize), 1u);
    // Move, protect, and look again.
    const VirtAddr place(0x3000'0000'0000);
    const u32 flags = abi::MREMAP_MAYMOVE | abi::MREMAP_FIXED;
    EXPECT(mm->mremap(at + 4 * kPageSize, 4 * kPageSize, 4 * kPageSize, flags, place).ok());
    EXPECT(mm->mprotect(place, 4 * kPageSize, abi::PROT_READ).ok());
    for (u64 i = 4; i < 8; i++) {
        EXPECT_EQ(mm.read(place + (i - 4) * kPageSize), i);
        EXPECT_EQ(child.read(at + i * kPageSize), i);
    }
    EXPECT_EQ(mm.touch(place, upcall::Access::Write), number(EACCES));
    child.end();
    mm.end();
    EXPECT_EQ(space.used(), 0u);
}

TEST(shared_memory_is_swapped, "vm.swap.shmem") {
    TestSwapSpace space;
    REQUIRE(space.is_on);
    const u64 shmem_before = shmem_pages();
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(12, 3, abi::MAP_SHARED);
    for (u64 i = 0; i < 12; i++) EXPECT(mm.write(at + i * kPageSize, 50 + i));
    EXPECT_EQ(swap_out(mm, at, 12), 12u);
    EXPECT_EQ(mm->rss_shmem.load(), 0);
    EXPECT_EQ(shmem_pages(), shmem_before);
    EXPECT_EQ(space.used(), 12u);
    for (u64 i = 0; i < 6; i++) EXPECT_EQ(mm.read(at + i * kPageSize), 50 + i);
    EXPECT_EQ(space.used(), 6u);
    EXPECT(space.off());
    for (u64 i = 6; i < 12; i++) EXPECT_EQ(mm.read(at + i * kPageSize), 50 + i);
    mm.end();
    EXPECT_EQ(shmem_pages(), shmem_before);
}

TEST(broken_devices_are_reported, "vm.swap.broken") {
    TestSwapSpace space;
    REQUIRE(space.is_on);
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(4);
    for (u64 i = 0; i < 4; i++) EXPECT(mm.write(at + i * kPageSize, i + 1));
    space.backend.broken = true;
    EXPECT_EQ(swap_out(mm, at, 4), 0u);  // cannot be written: stays
    for (u64 i = 0; i < 4; i++) EXPECT_EQ(mm.read(at + i * kPageSize), i + 1);
    space.backend.broken = false;
    EXPECT_EQ(swap_out(mm, at, 4), 4u);
    space.backend.broken = true;
    EXPECT_EQ(mm.touch(at, upcall::Access::Read), number(EIO));
    EXPECT(mm->munmap(at, 4 * kPageSize).ok());
    mm.end();
    EXPECT_EQ(space.used(), 0u);
}

TEST(locked_pages_stay, "vm.swap.mlock") {
    TestSwapSpace space;
    REQUIRE(space.is_on);
    TestMm mm;
    REQUIRE(mm);
    const u64 locked_before = mm::vm_count(mm::VmItem::Mlocked);
    const VirtAddr at = mm.map(4);
    EXPECT(mm->mlock(at, 2 * kPageSize, MmStruct::Lock::On).ok());
    for (u64 i = 0; i < 4; i++) EXPECT(mm.write(at + i * kPageSize, i));
    EXPECT_EQ(mm::vm_count(mm::VmItem::Mlocked), locked_before + 2);
    EXPECT_EQ(swap_out(mm, at, 4), 2u);
    EXPECT_EQ(mm->rss_anon.load(), 2);
    EXPECT(mm->mlock(at, 2 * kPageSize, MmStruct::Lock::Off).ok());
    EXPECT_EQ(mm::vm_count(mm::VmItem::Mlocked), locked_before);
    EXPECT_EQ(swap_out(mm, at, 4), 2u);
    for (u64 i = 0; i < 4; i++) EXPECT_EQ(mm.read(at + i * kPageSize), i);
}

}  // namespace vm
