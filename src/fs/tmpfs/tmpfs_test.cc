// tmpfs: contents, holes, limits, directories that change while they are read, deep trees.
#include "fs/tmpfs/tmpfs.h"
#include "fs/scratch_test.h"
#include "lib/format.h"

namespace fs::testing {

TEST(file_contents, "fs.tmpfs.contents") {
    Scratch scratch;
    auto opened = open_at("/.ktest/f", O_CREAT | O_RDWR);
    REQUIRE(opened.ok());
    File& file = *opened.value();
    u64 at = 5 * kPageSize - 2;
    EXPECT_OK(write_text(file, "abcd", &at));  // across a page's end, behind a hole
    EXPECT_EQ(at, 5 * kPageSize + 2);
    EXPECT_EQ(file.size(), 5 * kPageSize + 2);
    EXPECT_EQ(file.inode()->mapping.page_count(), 2u);

    static std::byte room[6 * kPageSize];
    memset(room, 0xee, sizeof room);
    EXPECT_EQ(kernel_read(file, room, 0).value(), 5 * kPageSize + 2);
    bool zero = true;
    for (usize i = 0; i < 5 * kPageSize - 2; i++) zero &= room[i] == std::byte{0};
    EXPECT(zero);
    EXPECT(memcmp(room + 5 * kPageSize - 2, "abcd", 4) == 0);
    EXPECT_EQ(file.inode()->mapping.page_count(), 2u);  // reading holes fills none
    file.inode()->ops.refresh(*file.inode());
    EXPECT_EQ(file.inode()->blocks, 16u);

    // What truncation cut off may not come back.
    EXPECT_OK(do_truncate(*file.inode(), 5 * kPageSize - 1));
    EXPECT_EQ(file.inode()->mapping.page_count(), 1u);
    EXPECT_OK(do_truncate(*file.inode(), 6 * kPageSize));
    EXPECT_EQ(kernel_read(file, std::span(room, 4), 5 * kPageSize - 2).value(), 4u);
    EXPECT(memcmp(room, "a\0\0\0", 4) == 0);
    EXPECT_CODE(do_truncate(*file.inode(), ~0ull), EINVAL);
    EXPECT_EQ(kernel_read(file, room, ~0ull >> 1).value(), 0u);
}

TEST(append_and_seek, "fs.tmpfs.append") {
    Scratch scratch;
    EXPECT_OK(store("/.ktest/f", "one"));
    auto opened = open_at("/.ktest/f", O_WRONLY | O_APPEND);
    REQUIRE(opened.ok());
    u64 at = 0;
    EXPECT_OK(write_text(*opened.value(), "two", &at));
    EXPECT_OK(write_text(*opened.value(), "three"));
    EXPECT(holds("/.ktest/f", "onetwothree"));
    File& file = *opened.value();
    EXPECT_EQ(file.ops->seek(file, -2, SEEK_END).value(), 9u);
    EXPECT_CODE(file.ops->seek(file, -12, SEEK_END), EINVAL);
    EXPECT_CODE(file.ops->seek(file, 11, SEEK_DATA), ENXIO);
    EXPECT_EQ(file.ops->seek(file, 3, SEEK_HOLE).value(), 11u);
    EXPECT_CODE(file.ops->seek(file, 0, 9), EINVAL);
}

TEST(space_limit, "fs.tmpfs.limit") {
    Scratch scratch("size=16k,nr_inodes=10");
    auto opened = open_at("/.ktest/f", O_CREAT | O_RDWR);
    REQUIRE(opened.ok());
    static std::byte data[5 * kPageSize];
    IovIter from = IovIter::kernel(std::span<const std::byte>(data));
    EXPECT_EQ(vfs_write(*opened.value(), from, nullptr).value(), 4 * kPageSize);
    EXPECT_CODE(vfs_write(*opened.value(), from, nullptr), ENOSPC);
    EXPECT_CODE(store("/.ktest/g", "x"), ENOSPC);
    EXPECT_OK(do_truncate(*opened.value()->inode(), 0));
    EXPECT_OK(store("/.ktest/g", "x"));
    StatFs numbers{};
    SuperBlock& super = opened.value()->inode()->super;
    EXPECT_OK(super.ops.statfs(super, numbers));
    EXPECT_EQ(numbers.f_blocks, 4);
    EXPECT_EQ(numbers.f_bfree, 3);
    EXPECT_EQ(numbers.f_ffree, 7);  // the root, f and g
    char name[] = "/.ktest/n0";
    for (; name[9] < '7'; name[9]++) EXPECT_OK(touch(name));
    EXPECT_CODE(touch(name), ENOSPC);
    EXPECT_OK(unlink_at("/.ktest/n0"));
    EXPECT_OK(touch(name));
}

/// Notes which of the numbered files it was shown, and can stop after some.
class Numbers final : public DirSink {
public:
    static constexpr u32 kMax = 1000;
    bool emit(std::string_view name, u64, u8, u64) override {
        if (room == 0) return false;
        room--;
        if (name == "." || name == "..") return true;
        u32 number = 0;
        for (const char digit : name) number = number * 10 + static_cast<u32>(digit - '0');
        if (number < kMax) seen[number]++;
        return true;
    }
    u32 room = 0;
    u8 seen[kMax] = {};
};

TEST(directory_changes, "fs.tmpfs.readdir") {
    Scratch scratch;
    char name[32];
    const auto path_of = [&](u32 number) {
        return std::string_view(name, format_to(name, "/.ktest/%u", number));
    };
    for (u32 i = 0; i < Numbers::kMax; i++) EXPECT_OK(touch(path_of(i)));
    auto opened = open_at("/.ktest", O_RDONLY);
    REQUIRE(opened.ok());
    File& dir = *opened.value();
    static Numbers sink;
    // Every third is removed while the directory is read in small portions; of those left, each
    // is shown exactly once.
    for (u32 i = 0; i < Numbers::kMax; i += 3) {
        sink.room = 5;
        EXPECT_OK(dir.ops->read_dir(dir, sink));
        EXPECT_OK(unlink_at(path_of(i)));
    }
    bool once = true;
    for (u32 i = 0; i < Numbers::kMax; i++) {
        once &= i % 3 == 0 ? sink.seen[i] <= 1 : sink.seen[i] == 1;
    }
    EXPECT(once);
    EXPECT_EQ(dir.size(), 40 + 20 * (Numbers::kMax - Numbers::kMax / 3 - 1));
    EXPECT_OK(dir.ops->seek(dir, 0, SEEK_SET));
    sink.room = 3;
    EXPECT_OK(dir.ops->read_dir(dir, sink));
    EXPECT_EQ(sink.seen[1], 2);
}

TEST(deep_tree, "fs.tmpfs.deep") {
    constexpr u32 kDepth = 20'000;
    const DcacheStats before = dcache_stats();
    {
        Scratch scratch("nr_inodes=30k");
        Path at = lookup("/.ktest", 0).value();
        for (u32 i = 0; i < kDepth; i++) {
            Inode& dir = *at.inode();
            sched::MutexGuard guard(dir.mutex);
            auto child = lookup_one(*at.dentry, "d");
            REQUIRE(child.ok());
            REQUIRE(dir.ops.mkdir(dir, *child.value(), {.mode = S_IFDIR | 0755}).ok());
            at.dentry = child.take();
        }
        EXPECT(dcache_stats().total >= before.total + kDepth);
        shrink_dcache(100);  // everything is in use by what is below it
    }
    EXPECT(dcache_stats().total <= before.total + 8);
}

}  // namespace fs::testing
