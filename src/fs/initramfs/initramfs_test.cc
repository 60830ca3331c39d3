// The initramfs: good archives, and everything that can be wrong with one.
#include "fs/initramfs/initramfs.h"

#include "fs/scratch_test.h"

namespace fs::testing {

/// Writes archives entry by entry, as cpio -H newc does.
class ArchiveWriter {
public:
    void add(std::string_view name, u32 mode, std::string_view data, u32 ino = 1, u32 nlink = 1) {
        size_ += format_to(std::span(bytes_ + size_, kRoom - size_),
                           "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ino, mode,
                           7u, 8u, nlink, 1000u, data.size(), 0u, 0u, 1u, 3u, name.size() + 1, 0u);
        put(name);
        bytes_[size_++] = '\0';
        pad();
        put(data);
        pad();
    }
    void end() { add("TRAILER!!!", 0, ""); }
    void pad() {
        while (size_ % 4 != 0) bytes_[size_++] = '\0';
    }
    usize size() const { return size_; }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_, size_)); }
    char* raw() { return bytes_; }

private:
    static constexpr usize kRoom = 8192;
    void put(std::string_view text) {
        memcpy(bytes_ + size_, text.data(), text.size());
        size_ += text.size();
    }
    char bytes_[kRoom];
    usize size_ = 0;
};

static void remove_all() {
    for (std::string_view name : {".k/d/f", ".k/a", ".k/b", ".k/l", ".k/null", ".k/late"}) {
        (void)unlink_at(name);
    }
    (void)rmdir_at(".k/d");
    (void)rmdir_at(".k");
}

static void write_good(ArchiveWriter& archive) {
    archive.add(".k", S_IFDIR | 0755, "");
    archive.add("./.k/d", S_IFDIR | 0750, "");
    archive.add("/.k/d/f", S_IFREG | 0640, "text");
    archive.add(".k/a", S_IFREG | 0644, "", 9, 2);
    archive.add(".k/b", S_IFREG | 0644, "both", 9, 2);
    archive.add(".k/l", S_IFLNK | 0777, "d/f");
    archive.add(".k/null", S_IFCHR | 0666, "");
    archive.end();
}

TEST(good_archive, "fs.initramfs.good") {
    static ArchiveWriter archive;
    write_good(archive);
    archive.add(".k/late", S_IFREG | 0600, "second archive");
    archive.end();
    EXPECT_OK(unpack_initramfs(archive.bytes()));
    EXPECT(holds("/.k/l", "text"));
    EXPECT(holds("/.k/a", "both"));
    EXPECT(holds("/.k/late", "second archive"));
    EXPECT_EQ(inode_number("/.k/a"), inode_number("/.k/b"));
    auto dir = lookup("/.k/d", 0), null = lookup("/.k/null", 0);
    REQUIRE(dir.ok() && null.ok());
    EXPECT_EQ(dir.value().inode()->mode, u32(S_IFDIR | 0750));
    EXPECT_EQ(dir.value().inode()->uid, 7u);
    EXPECT_EQ(dir.value().inode()->gid, 8u);
    EXPECT_EQ(null.value().inode()->device, 0x103u);
    EXPECT_OK(unpack_initramfs(archive.bytes()));  // over what is there
    EXPECT(holds("/.k/l", "text"));
    dir.value() = null.value() = Path();
    remove_all();
    EXPECT_CODE(lookup("/.k", 0), ENOENT);
}

TEST(cut_archive, "fs.initramfs.cut") {
    static ArchiveWriter archive;
    write_good(archive);
    for (usize size = 1; size < archive.size(); size += 7) {
        (void)unpack_initramfs(archive.bytes().first(size));
        remove_all();
        EXPECT_CODE(lookup("/.k", 0), ENOENT);
    }
}

TEST(hostile_archive, "fs.initramfs.hostile") {
    static ArchiveWriter archive;
    archive.add(".k", S_IFDIR | 0755, "");
    archive.add(".k/none/f", S_IFREG | 0644, "no such directory");
    archive.add(".k/odd", 0170000, "");
    archive.add("..", S_IFDIR | 0755, "");
    archive.add("../../.k/a", S_IFREG | 0644, "still inside");
    archive.add(".k/l", S_IFLNK | 0777, "");
    archive.add(".k/d", S_IFREG | 0644, "", 5, 3);
    archive.add(".k/d", S_IFDIR | 0644, "");
    archive.end();
    EXPECT_OK(unpack_initramfs(archive.bytes()));
    EXPECT(holds("/.k/a", "still inside"));
    EXPECT_CODE(lookup("/.k/l", 0), ENOENT);
    EXPECT_OK(unlink_at(".k/d"));
    archive.raw()[0] = 'x';
    EXPECT_CODE(unpack_initramfs(archive.bytes()), EINVAL);
    EXPECT_OK(unpack_initramfs({}));
    remove_all();
}

}  // namespace fs::testing
