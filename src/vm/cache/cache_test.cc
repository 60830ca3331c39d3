// The page cache and mappings of files, on a file that the test makes up.

#include "lib/string.h"
#include "mm/page_alloc.h"
#include "vm/tables/page_walk.h"
#include "vm/test_memory.h"

namespace vm {

namespace {

/// Counts what it is asked to read; page n begins with the word n + 1000.
struct TestDisk {
    u64 reads = 0, asked = 0;
    bool broken = false, full = false;
};

class TestOperations final : public AddressSpaceOperations {
public:
    Result<void> read_page(AddressSpace& mapping, mm::Page& page) const override {
        TestDisk& disk = *static_cast<TestDisk*>(mapping.host);
        disk.reads++;
        if (disk.broken) return EIO;
        memset(mm::bytes_of(page), 0, kPageSize);
        *mm::bytes_of<u64>(page) = page.index + 1000;
        return {};
    }
    Result<void> page_mkwrite(AddressSpace& mapping, mm::Page& page) const override {
        TestDisk& disk = *static_cast<TestDisk*>(mapping.host);
        disk.asked++;
        if (disk.full || !page.has(mm::kPageLocked) || page.has(mm::kPageDirty)) return ENOSPC;
        return {};
    }
};
constexpr TestOperations kTestOperations;

class TestFile final : public MappedFile {
public:
    explicit TestFile(u64 pages) : cache(kTestOperations, &disk), bytes(pages * kPageSize) {}
    ~TestFile() { cache.truncate(0); }
    void get() override { users++; }
    void put() override { users--; }
    AddressSpace* mapping() override { return &cache; }
    usize describe(std::span<char>, u32&, u64&) override { return 0; }
    u64 size() override { return bytes; }

    TestDisk disk;
    AddressSpace cache;
    u64 bytes;
    int users = 0;
};

VirtAddr map_file(TestMm& mm, TestFile& file, u32 type, u64 pages) {
    Result<VirtAddr> at = mm->mmap({.at = VirtAddr(0),
                                    .bytes = pages * kPageSize,
                                    .prot = 3,
                                    .map_flags = type,
                                    .file = &file});
    return at.ok() ? at.value() : VirtAddr(0);
}

}  // namespace

TEST(cache_reads_once, "vm.cache.read") {
    TestFile file(8);
    for (int round = 0; round < 3; round++) {
        Result<mm::Page*> page = file.cache.read_page(5);
        REQUIRE(page.ok());
        EXPECT_EQ(*mm::bytes_of<u64>(*page.value()), 1005u);
        mm::put_page(*page.value());
    }
    EXPECT_EQ(file.disk.reads, 1u);
    EXPECT_EQ(file.cache.page_count(), 1u);
    EXPECT(file.cache.find_page(4) == nullptr);

    file.disk.broken = true;  // a failure leaves nothing behind, and is tried again
    EXPECT_EQ(errno_of(file.cache.read_page(6)), number(EIO));
    EXPECT_EQ(errno_of(file.cache.read_page(6)), number(EIO));
    EXPECT_EQ(file.disk.reads, 3u);
    EXPECT_EQ(file.cache.page_count(), 1u);
}

TEST(cache_writes_without_reading, "vm.cache.write") {
    TestFile file(8);
    struct Case {
        u64 index;
        usize from, to;
        u64 reads;  // in all, afterwards
    };
    constexpr Case kCases[] = {{1, 0, kPageSize, 0}, {2, 0, 100, 1}, {9, 10, 20, 1}, {7, 1, 2, 2}};
    for (const Case& one : kCases) {
        Result<mm::Page*> page = file.cache.prepare_write(one.index, one.from, one.to, file.bytes);
        REQUIRE(page.ok());
        EXPECT_EQ(file.disk.reads, one.reads);
        mm::put_page(*page.value());
    }
}

TEST(cache_gives_way, "vm.cache.shrink") {
    TestFile file(64);
    for (u64 i = 0; i < 64; i++) {
        Result<mm::Page*> page = file.cache.read_page(i);
        REQUIRE(page.ok());
        if (i == 3) file.cache.set_page_dirty(*page.value());
        if (i != 4) mm::put_page(*page.value());  // one is in use
    }
    EXPECT_EQ(file.cache.shrink(10), 10u);
    EXPECT_EQ(file.cache.shrink(1000), 52u);
    EXPECT_EQ(file.cache.page_count(), 2u);
    mm::Page* used = file.cache.find_page(4);
    REQUIRE(used);
    mm::put_page(*used);
    mm::put_page(*used);
}

TEST(private_and_shared_files, "vm.cache.mmap") {
    TestFile file(20);
    {
        TestMm mm;
        REQUIRE(mm);
        const VirtAddr own = map_file(mm, file, abi::MAP_PRIVATE, 20);
        const VirtAddr shared = map_file(mm, file, abi::MAP_SHARED, 20);
        EXPECT_EQ(file.users, 2);
        EXPECT_EQ(mm.read(own + 3 * kPageSize), 1003u);
        EXPECT_EQ(mm->rss_file.load(), 1);
        EXPECT(mm.write(own + 3 * kPageSize, 1));
        EXPECT_EQ(mm->rss_file.load(), 0);
        EXPECT_EQ(mm->rss_anon.load(), 1);
        EXPECT_EQ(mm.read(shared + 3 * kPageSize), 1003u);
        EXPECT(mm.write(shared + 3 * kPageSize, 2));
        EXPECT_EQ(mm.read(own + 3 * kPageSize), 1u);
        mm::Page* page = file.cache.find_page(3);
        REQUIRE(page);
        EXPECT(page->has(mm::kPageDirty) && *mm::bytes_of<u64>(*page) == 2);
        mm::put_page(*page);
        EXPECT_EQ(mm.touch(own + 20 * kPageSize, upcall::Access::Read), number(EFAULT));
    }
    EXPECT_EQ(file.users, 0);
    EXPECT_EQ(file.cache.page_count(), 1u);
}

TEST(pieces_keep_their_place, "vm.cache.split") {
    TestFile file(20);
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = map_file(mm, file, abi::MAP_PRIVATE, 20);
    EXPECT(mm->munmap(at + 5 * kPageSize, 5 * kPageSize).ok());
    EXPECT(mm->mprotect(at + 12 * kPageSize, kPageSize, abi::PROT_READ).ok());
    EXPECT_EQ(mm->area_count, 4u);
    for (u64 i = 0; i < 20; i++) {
        const bool gone = i >= 5 && i < 10;
        EXPECT_EQ(mm.read(at + i * kPageSize), gone ? TestMm::kUnreadable : 1000 + i);
    }
    EXPECT_EQ(file.users, 4);
    EXPECT(mm->mprotect(at + 12 * kPageSize, kPageSize, 3).ok());
    EXPECT_EQ(mm->area_count, 2u);
    EXPECT_EQ(file.users, 2);
    Result<VirtAddr> moved = mm->mremap(at + 15 * kPageSize, 5 * kPageSize, 30 * kPageSize, 1, at);
    REQUIRE(moved.ok());
    EXPECT_EQ(mm.read(moved.value() + 2 * kPageSize), 1017u);
    EXPECT_EQ(mm.touch(moved.value() + 5 * kPageSize, upcall::Access::Read), number(EIO));
}

TEST(neighbours_come_along, "vm.cache.around") {
    TestFile file(40);
    for (u64 i = 0; i < 40; i++) mm::put_page(*file.cache.read_page(i).take());
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = map_file(mm, file, abi::MAP_PRIVATE, 40);
    EXPECT_EQ(mm.touch(at + 20 * kPageSize, upcall::Access::Read), 0);
    u64 mapped = 0;
    for (u64 i = 0; i < 40; i++) {
        Pte* entry = find_pte(*mm->page_table, at + i * kPageSize);
        if (!entry || !entry->present()) continue;
        mapped++;
        EXPECT_EQ(*mm::bytes_of<u64>(mm::page_of(entry->pfn())), 1000 + i);
    }
    EXPECT(mapped > 1 && mapped <= 16);
    EXPECT_EQ(mm->rss_file.load(), mapped);
}

TEST(truncation_reaches_everybody, "vm.cache.truncate") {
    TestFile file(10);
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr at = map_file(mm, file, abi::MAP_SHARED, 10);
    const VirtAddr own = map_file(mm, file, abi::MAP_PRIVATE, 10);
    for (u64 i = 0; i < 10; i++) EXPECT_EQ(mm.read(at + i * kPageSize), 1000 + i);
    EXPECT(mm.write(own + 9 * kPageSize, 1));
    Result<MmStruct*> copy = MmStruct::duplicate(*mm);
    REQUIRE(copy.ok());
    TestMm child(copy.value());
    EXPECT_EQ(child.read(at + 9 * kPageSize), 1009u);

    file.bytes = 4 * kPageSize + 1;
    file.cache.truncate(5);
    EXPECT_EQ(file.cache.page_count(), 5u);
    for (TestMm* one : {&mm, &child}) {
        EXPECT_EQ(one->touch(at + 4 * kPageSize, upcall::Access::Read), 0);
        EXPECT_EQ(one->touch(at + 5 * kPageSize, upcall::Access::Read), number(EIO));
        EXPECT_EQ(one->touch(own + 9 * kPageSize, upcall::Access::Read), number(EIO));
    }
    file.bytes = 10 * kPageSize;  // grown again: fresh from the disk
    EXPECT_EQ(mm.read(own + 9 * kPageSize), 1009u);
    child.end();
    mm.end();
    EXPECT_EQ(file.users, 0);
}

TEST(the_file_hears_of_the_first_store, "vm.cache.mkwrite") {
    TestFile file(4);
    const u64 dirty_before = dirty_pages();
    {
        TestMm mm, other;
        REQUIRE(mm && other);
        const VirtAddr at = map_file(mm, file, abi::MAP_SHARED, 4);
        const VirtAddr there = map_file(other, file, abi::MAP_SHARED, 4);
        EXPECT_EQ(mm.read(at), 1000u);  // brings them all in, read-only
        EXPECT_EQ(mm.read(at + kPageSize), 1001u);
        EXPECT_EQ(file.disk.asked, 0u);
        EXPECT(mm.write(at, 5) && mm.write(at + 8, 6));
        EXPECT_EQ(file.disk.asked, 1u);  // once for each clean page,
        EXPECT(other.write(there, 7));
        EXPECT_EQ(file.disk.asked, 1u);  // not for each mapping
        EXPECT_EQ(dirty_pages(), dirty_before + 1);
        EXPECT(other.write(there + 2 * kPageSize, 7));  // not mapped before
        EXPECT_EQ(file.disk.asked, 2u);

        file.disk.full = true;
        EXPECT_EQ(mm.touch(at + kPageSize, upcall::Access::Write), number(ENOSPC));
        EXPECT_EQ(mm.touch(at + 3 * kPageSize, upcall::Access::Write), number(ENOSPC));
        EXPECT_EQ(dirty_pages(), dirty_before + 2);
        EXPECT_EQ(mm.read(at + kPageSize), 1001u);
        file.disk.full = false;

        // Written back: clean again. (That its entries become read-only is page_mkclean()'s.)
        auto page = file.cache.read_page(0);
        REQUIRE(page.ok());
        file.cache.lock_page(*page.value());
        EXPECT(file.cache.clear_page_dirty(*page.value()));
        EXPECT(!file.cache.clear_page_dirty(*page.value()));
        file.cache.unlock_page(*page.value());
        mm::put_page(*page.value());
        EXPECT_EQ(dirty_pages(), dirty_before + 1);
        EXPECT(mm->mprotect(at, kPageSize, abi::PROT_READ).ok());
        EXPECT(mm->mprotect(at, kPageSize, 3).ok());
        EXPECT(mm.write(at, 9));
        EXPECT_EQ(file.disk.asked, 5u);
    }
    file.cache.truncate(0);
    EXPECT_EQ(dirty_pages(), dirty_before);
}

}  // namespace vm
