// Path names: every rule of path_resolution(7) that a program could trip over.
#include "fs/scratch_test.h"

namespace fs::testing {

TEST(walk_components, "fs.namei.components") {
    Scratch scratch;
    REQUIRE(scratch.is_mounted());
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(touch("/.ktest/d/f"));
    EXPECT_CODE(lookup("", 0), ENOENT);
    EXPECT_OK(lookup("/", 0));
    EXPECT_OK(lookup("//..//../.ktest/./d/../d///f", 0));
    EXPECT_CODE(lookup("/.ktest/d/f/", 0), ENOTDIR);
    EXPECT_CODE(lookup("/.ktest/d/f/.", 0), ENOTDIR);
    EXPECT_CODE(lookup("/.ktest/d/f/x", 0), ENOTDIR);
    EXPECT_CODE(lookup("/.ktest/none/x", 0), ENOENT);
    EXPECT_CODE(lookup("/.ktest/d/f", kLookupDirectory), ENOTDIR);
    EXPECT_OK(lookup("/.ktest/d/", kLookupDirectory));
    EXPECT_OK(lookup("/../../.ktest/d", 0));
}

TEST(walk_limits, "fs.namei.limits") {
    Scratch scratch;
    static char name[5000];
    memset(name, 'a', sizeof name);
    memcpy(name, "/.ktest/", 8);
    EXPECT_OK(touch({name, 8 + 255}));
    EXPECT_OK(lookup({name, 8 + 255}, 0));
    EXPECT_CODE(touch({name, 8 + 256}), ENAMETOOLONG);
    EXPECT_CODE(lookup({name, 8 + 256}, 0), ENAMETOOLONG);
    for (usize i = 8; i < sizeof name; i++) name[i] = '/';
    EXPECT_OK(lookup({name, 4095}, 0));
    EXPECT_CODE(lookup({name, 4096}, 0), ENAMETOOLONG);
}

TEST(walk_links, "fs.namei.symlinks") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(store("/.ktest/d/f", "text"));
    EXPECT_OK(symlink_at("d", "/.ktest/relative"));
    EXPECT_OK(symlink_at("/.ktest/d/", "/.ktest/absolute"));
    EXPECT_OK(symlink_at("relative/f", "/.ktest/through"));
    EXPECT_OK(symlink_at("../absolute/../through", "/.ktest/d/long"));
    EXPECT(holds("/.ktest/relative/f", "text"));
    EXPECT(holds("/.ktest/absolute/f", "text"));
    EXPECT(holds("/.ktest/through", "text"));
    EXPECT(holds("/.ktest/relative/long", "text"));
    EXPECT_CODE(lookup("/.ktest/through/", kLookupFollow), ENOTDIR);
    EXPECT_OK(lookup("/.ktest/relative/", 0));  // the slash follows, whatever the flags
    EXPECT_CODE(open_at("/.ktest/through", O_RDONLY | O_NOFOLLOW), ELOOP);
    EXPECT_CODE(open_at("/.ktest/relative", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    auto link = lookup("/.ktest/through", 0);
    REQUIRE(link.ok());
    EXPECT(link.value().inode()->is_symlink());
    EXPECT_CODE(symlink_at("", "/.ktest/empty"), ENOENT);
}

TEST(walk_loops, "fs.namei.loops") {
    Scratch scratch;
    EXPECT_OK(symlink_at("b", "/.ktest/a"));
    EXPECT_OK(symlink_at("a", "/.ktest/b"));
    EXPECT_CODE(lookup("/.ktest/a", kLookupFollow), ELOOP);
    EXPECT_CODE(lookup("/.ktest/a/x", 0), ELOOP);
    EXPECT_CODE(open_at("/.ktest/a", O_CREAT | O_RDWR), ELOOP);
    EXPECT_OK(store("/.ktest/link0", "end"));
    char from[32], to[32];
    for (u32 i = 1; i <= 41; i++) {
        const usize a = format_to(to, "link%u", i - 1), b = format_to(from, "/.ktest/link%u", i);
        EXPECT_OK(symlink_at({to, a}, {from, b}));
    }
    EXPECT(holds("/.ktest/link40", "end"));
    EXPECT_CODE(lookup("/.ktest/link41", kLookupFollow), ELOOP);
    // Links in the middle nest texts; the count is for the whole walk.
    EXPECT_OK(symlink_at(".", "/.ktest/here"));
    static char path[400];
    memcpy(path, "/.ktest", 7);
    for (usize i = 0; i < 41; i++) memcpy(path + 7 + 5 * i, "/here", 5);
    EXPECT_OK(lookup({path, 7 + 5 * 40}, kLookupFollow));
    EXPECT_CODE(lookup({path, 7 + 5 * 41}, kLookupFollow), ELOOP);
}

TEST(open_rules, "fs.namei.open") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_CODE(open_at("/.ktest/d", O_WRONLY), EISDIR);
    EXPECT_CODE(open_at("/.ktest/d", O_RDONLY | O_CREAT), EISDIR);
    EXPECT_CODE(open_at("/.ktest/d/.", O_RDONLY | O_CREAT), EISDIR);
    EXPECT_CODE(open_at("/.ktest/new/", O_RDWR | O_CREAT), EISDIR);
    EXPECT_OK(store("/.ktest/f", "text"));
    EXPECT_CODE(open_at("/.ktest/f", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    EXPECT_CODE(open_at("/.ktest/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_CODE(open_at("/.ktest/d", O_TMPFILE | O_RDWR), EOPNOTSUPP);
    EXPECT_OK(open_at("/.ktest/f", O_WRONLY | O_TRUNC));
    EXPECT(holds("/.ktest/f", ""));

    EXPECT_OK(symlink_at("target", "/.ktest/dangling"));
    EXPECT_CODE(open_at("/.ktest/dangling", O_RDONLY), ENOENT);
    EXPECT_CODE(open_at("/.ktest/dangling", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    EXPECT_CODE(lookup("/.ktest/target", 0), ENOENT);
    EXPECT_OK(open_at("/.ktest/dangling", O_RDWR | O_CREAT));
    EXPECT_OK(lookup("/.ktest/target", 0));

    auto place = open_at("/.ktest/f", O_PATH);
    REQUIRE(place.ok());
    std::byte room[4];
    IovIter to = IovIter::kernel(std::span<std::byte>(room));
    EXPECT_CODE(vfs_read(*place.value(), to, nullptr), EBADF);
    EXPECT_CODE(vfs_write(*place.value(), to, nullptr), EBADF);
}

TEST(edit_rules, "fs.namei.edit") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d/"));
    EXPECT_OK(touch("/.ktest/f"));
    EXPECT_CODE(mkdir_at("/.ktest/d"), EEXIST);
    EXPECT_CODE(mkdir_at("/.ktest/f"), EEXIST);
    EXPECT_CODE(mkdir_at("/.ktest/d/.."), EEXIST);
    EXPECT_CODE(mkdir_at("/"), EEXIST);
    EXPECT_CODE(mkdir_at("/.ktest/none/x"), ENOENT);
    EXPECT_CODE(do_mknod(AT_FDCWD, "/.ktest/p/", S_IFIFO | 0600, 0), ENOENT);
    EXPECT_CODE(do_mknod(AT_FDCWD, "/.ktest/p", S_IFDIR | 0600, 0), EPERM);
    EXPECT_CODE(do_mknod(AT_FDCWD, "/.ktest/p", S_IFLNK | 0600, 0), EINVAL);
    EXPECT_OK(do_mknod(AT_FDCWD, "/.ktest/p", S_IFIFO | 0600, 7));
    EXPECT_CODE(unlink_at("/.ktest/d"), EISDIR);
    EXPECT_CODE(unlink_at("/.ktest/f/"), ENOTDIR);
    EXPECT_CODE(unlink_at("/.ktest/."), EISDIR);
    EXPECT_CODE(unlink_at("/.ktest/none"), ENOENT);
    EXPECT_CODE(rmdir_at("/.ktest/f"), ENOTDIR);
    EXPECT_CODE(rmdir_at("/.ktest/d/."), EINVAL);
    EXPECT_CODE(rmdir_at("/.ktest/d/.."), ENOTEMPTY);
    EXPECT_CODE(rmdir_at("/"), EBUSY);
    EXPECT_CODE(rmdir_at("/.ktest"), EBUSY);
    EXPECT_OK(touch("/.ktest/d/x"));
    EXPECT_CODE(rmdir_at("/.ktest/d"), ENOTEMPTY);
    EXPECT_OK(unlink_at("/.ktest/d/x"));
    EXPECT_CODE(lookup("/.ktest/d/x", 0), ENOENT);

    auto inside = lookup("/.ktest/d", 0);
    REQUIRE(inside.ok());
    EXPECT_OK(rmdir_at("/.ktest/d/"));
    EXPECT_CODE(lookup("/.ktest/d", 0), ENOENT);
    EXPECT_CODE(lookup(inside.value(), "x", 0), ENOENT);
    EXPECT_EQ(inside.value().inode()->link_count.load(), 0u);
    EXPECT(inside.value().dentry->is_unlinked());
}

TEST(hard_links, "fs.namei.link") {
    Scratch scratch;
    const auto link = [](std::string_view from, std::string_view to) {
        return do_link(AT_FDCWD, from, AT_FDCWD, to, 0);
    };
    EXPECT_OK(store("/.ktest/a", "text"));
    EXPECT_OK(link("/.ktest/a", "/.ktest/b"));
    EXPECT_EQ(inode_number("/.ktest/a"), inode_number("/.ktest/b"));
    EXPECT_CODE(link("/.ktest/a", "/.ktest/b"), EEXIST);
    EXPECT_CODE(link("/.ktest", "/.ktest/c"), EPERM);
    EXPECT_CODE(link("/.ktest/a", "/other"), EXDEV);
    EXPECT_OK(unlink_at("/.ktest/a"));
    EXPECT(holds("/.ktest/b", "text"));
    auto last = lookup("/.ktest/b", 0);
    REQUIRE(last.ok());
    EXPECT_EQ(last.value().inode()->link_count.load(), 1u);
}

TEST(permissions, "fs.namei.permissions") {
    Scratch scratch("mode=777");
    EXPECT_OK(mkdir_at("/.ktest/closed"));
    EXPECT_OK(store("/.ktest/closed/f", "text"));
    EXPECT_OK(touch("/.ktest/private", 0600));
    lookup("/.ktest/closed", 0).value().inode()->mode = S_IFDIR | 0700;
    EXPECT_OK(do_mkdir(AT_FDCWD, "/.ktest/sticky", 0777));
    EXPECT_OK(do_mkdir(AT_FDCWD, "/.ktest/group", 0777));
    lookup("/.ktest/sticky", 0).value().inode()->mode = S_IFDIR | S_ISVTX | 0777;
    lookup("/.ktest/group", 0).value().inode()->mode = S_IFDIR | S_ISGID | 0777;
    lookup("/.ktest/group", 0).value().inode()->gid = 55;
    EXPECT_OK(touch("/.ktest/sticky/roots"));
    {
        AsUser user(1000);
        EXPECT_CODE(lookup("/.ktest/closed/f", 0), EACCES);
        EXPECT_CODE(open_at("/.ktest/private", O_RDONLY), EACCES);
        EXPECT_CODE(unlink_at("/.ktest/sticky/roots"), EPERM);
        EXPECT_OK(touch("/.ktest/sticky/mine"));
        EXPECT_OK(touch("/.ktest/own", 0200));
        EXPECT_CODE(open_at("/.ktest/own", O_RDWR), EACCES);
        EXPECT_OK(open_at("/.ktest/own", O_WRONLY));
        EXPECT_OK(mkdir_at("/.ktest/group/d"));
        EXPECT_CODE(do_mknod(AT_FDCWD, "/.ktest/null", S_IFCHR | 0666, 0x103), EPERM);
        EXPECT_CODE(open_at("/.ktest/private", O_RDONLY | O_NOATIME), EACCES);
    }
    auto made = lookup("/.ktest/group/d", 0);
    REQUIRE(made.ok());
    EXPECT_EQ(made.value().inode()->gid, 55u);
    EXPECT(made.value().inode()->mode & S_ISGID);
    {
        AsUser other(1001);
        EXPECT_CODE(unlink_at("/.ktest/sticky/mine"), EPERM);
        EXPECT_CODE(rename_at("/.ktest/sticky/mine", "/.ktest/stolen"), EPERM);
    }
    AsUser user(1000);
    EXPECT_OK(unlink_at("/.ktest/sticky/mine"));
}

}  // namespace fs::testing
