// From a page to its entries, through forks, splits, merges and moves.

#include "vm/rmap.h"

#include "mm/slab.h"
#include "vm/tables/page_walk.h"
#include "vm/test_memory.h"

namespace vm {

namespace {

/// The page that `mm` has at `at`; null: none.
mm::Page* page_at(MmStruct& mm, VirtAddr at) {
    Pte* entry = find_pte(*mm.page_table, at);
    if (!entry || !has_page(read_pte(entry))) return nullptr;
    return &mm::page_of(read_pte(entry).pfn());
}

/// Counts the areas that really map the page, and those that were visited.
class CountingVisitor final : public RmapVisitor {
public:
    explicit CountingVisitor(mm::Page& page) : page_(page) {}
    bool visit(VmArea& area, VirtAddr at) override {
        visited++;
        mapping += page_at(*area.mm, at) == &page_;
        return true;
    }
    u32 visited = 0, mapping = 0;

private:
    mm::Page& page_;
};

CountingVisitor count(mm::Page& page) {
    CountingVisitor visitor(page);
    rmap_walk(page, visitor, RmapLock::Wait);
    return visitor;
}

u64 objects_of(std::string_view name) {
    for (mm::CacheCursor at; mm::KmemCache* cache = at.next();) {
        if (name == cache->name()) return cache->stats().objects_in_use;
    }
    return 0;
}

}  // namespace

TEST(forks_are_found, "vm.rmap.fork") {
    const u64 before = objects_of("anon_vma"), chains = objects_of("anon_vma_chain");
    {
        TestMm mm;
        REQUIRE(mm);
        const VirtAddr at = mm.map(4);
        EXPECT(mm.write(at, 1) && mm.write(at + kPageSize, 2));
        Result<MmStruct*> copy = MmStruct::duplicate(*mm);
        REQUIRE(copy.ok());
        TestMm child(copy.value());
        Result<MmStruct*> second = MmStruct::duplicate(*child);
        REQUIRE(second.ok());
        TestMm grandchild(second.value());

        mm::Page* shared = page_at(*mm, at);
        REQUIRE(shared);
        EXPECT_EQ(shared->map_count.load(), 3u);
        EXPECT_EQ(count(*shared).mapping, 3u);
        EXPECT(child.write(at, 3));
        EXPECT_EQ(count(*shared).mapping, 2u);
        mm::Page* own = page_at(*child, at);
        REQUIRE(own);
        EXPECT_EQ(count(*own).mapping, 1u);
        EXPECT_EQ(count(*own).visited, 2u);  // the grandchild might have it, the parent not
        EXPECT_EQ(page_referenced(*shared).entries, 2u);
        EXPECT_EQ(page_referenced(*shared).entries, 0u);
    }
    EXPECT_EQ(objects_of("anon_vma"), before);
    EXPECT_EQ(objects_of("anon_vma_chain"), chains);
}

TEST(moved_pages_are_found, "vm.rmap.move") {
    const u64 before = objects_of("anon_vma_chain");
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = mm.map(16);
    for (u64 i = 0; i < 16; i++) EXPECT(mm.write(at + i * kPageSize, i));
    const auto all_found = [&](VirtAddr start, u64 pages) {
        for (u64 i = 0; i < pages; i++) {
            mm::Page* page = page_at(*mm, start + i * kPageSize);
            if (!page || count(*page).mapping != 1) return false;
        }
        return true;
    };
    EXPECT(mm->mprotect(at + 4 * kPageSize, 4 * kPageSize, abi::PROT_READ).ok());
    EXPECT_EQ(mm->area_count, 3u);
    EXPECT(all_found(at, 16));
    EXPECT(mm->mprotect(at + 4 * kPageSize, 4 * kPageSize, 3).ok());
    EXPECT_EQ(mm->area_count, 1u);
    EXPECT(all_found(at, 16));

    const VirtAddr place(0x3000'0000'0000);
    const u32 flags = abi::MREMAP_MAYMOVE | abi::MREMAP_FIXED;
    EXPECT(mm->mremap(at + 8 * kPageSize, 8 * kPageSize, 8 * kPageSize, flags, place).ok());
    EXPECT(all_found(at, 8));
    EXPECT(all_found(place, 8));
    EXPECT(mm->munmap(place + 2 * kPageSize, 2 * kPageSize).ok());
    EXPECT(all_found(place, 2));
    EXPECT(all_found(place + 4 * kPageSize, 4));
    EXPECT(mm->mremap(place, 2 * kPageSize, 4 * kPageSize, 0, place).ok());  // into the hole
    EXPECT(mm.write(place + 3 * kPageSize, 1));
    EXPECT(all_found(place + 3 * kPageSize, 5));
    EXPECT_EQ(mm->area_count, 2u);
    mm.end();
    EXPECT_EQ(objects_of("anon_vma_chain"), before);
}

TEST(generations_do_not_pile_up, "vm.rmap.generations") {
    const u64 before = objects_of("anon_vma");
    Result<MmStruct*> first = MmStruct::create();
    REQUIRE(first.ok());
    MmStruct* mm = first.value();
    mm->mmap_base = mm->free_area_cache = VirtAddr(0x7000'0000'0000);
    const MapRequest request{.at = VirtAddr(0),
                             .bytes = kPageSize,
                             .prot = 3,
                             .map_flags = abi::MAP_PRIVATE | abi::MAP_ANONYMOUS};
    const VirtAddr at = mm->mmap(request).value();
    u64 word = 7;
    for (int i = 0; i < 20; i++) {  // fork, the parent ends, the child goes on
        EXPECT_EQ(mm->access_remote(at, std::as_writable_bytes(std::span(&word, 1)), true), 8u);
        Result<MmStruct*> child = MmStruct::duplicate(*mm);
        REQUIRE(child.ok());
        mm->put();
        mm = child.value();
    }
    EXPECT(objects_of("anon_vma") <= before + 3);
    mm->put();
    EXPECT_EQ(objects_of("anon_vma"), before);
}

}  // namespace vm
