// rename(2): what moves, what is replaced, what is refused.
#include "fs/scratch_test.h"

namespace fs::testing {

TEST(rename_files, "fs.rename.files") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(store("/.ktest/a", "one"));
    EXPECT_OK(store("/.ktest/b", "two"));
    EXPECT_OK(rename_at("/.ktest/a", "/.ktest/d/a2"));
    EXPECT_CODE(lookup("/.ktest/a", 0), ENOENT);
    EXPECT(holds("/.ktest/d/a2", "one"));
    auto replaced = lookup("/.ktest/b", 0);
    REQUIRE(replaced.ok());
    EXPECT_OK(rename_at("/.ktest/d/a2", "/.ktest/b"));
    EXPECT(holds("/.ktest/b", "one"));
    EXPECT_EQ(replaced.value().inode()->link_count.load(), 0u);
    EXPECT_CODE(rename_at("/.ktest/none", "/.ktest/x"), ENOENT);
    EXPECT_CODE(rename_at("/.ktest/b", "/.ktest/b/"), ENOTDIR);
    EXPECT_CODE(rename_at("/.ktest/b", "/.ktest/new/"), ENOTDIR);
    EXPECT_CODE(rename_at("/.ktest/b", "/elsewhere"), EXDEV);
    EXPECT_CODE(rename_at("/.ktest/b", "/.ktest/d/."), EBUSY);
    EXPECT_OK(rename_at("/.ktest/b", "/.ktest/b"));
    EXPECT_OK(do_link(AT_FDCWD, "/.ktest/b", AT_FDCWD, "/.ktest/twin", 0));
    EXPECT_OK(rename_at("/.ktest/b", "/.ktest/twin"));  // two names of one file: both stay
    EXPECT(holds("/.ktest/b", "one"));
    EXPECT(holds("/.ktest/twin", "one"));
}

TEST(rename_directories, "fs.rename.directories") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/a"));
    EXPECT_OK(mkdir_at("/.ktest/a/b"));
    EXPECT_OK(mkdir_at("/.ktest/empty"));
    EXPECT_OK(touch("/.ktest/f"));
    EXPECT_CODE(rename_at("/.ktest/a", "/.ktest/a/b/c"), EINVAL);
    EXPECT_CODE(rename_at("/.ktest/a", "/.ktest/a/c"), EINVAL);
    EXPECT_CODE(rename_at("/.ktest/a/b", "/.ktest/a"), ENOTEMPTY);
    EXPECT_CODE(rename_at("/.ktest/empty", "/.ktest/a"), ENOTEMPTY);
    EXPECT_CODE(rename_at("/.ktest/a", "/.ktest/f"), ENOTDIR);
    EXPECT_CODE(rename_at("/.ktest/f", "/.ktest/a"), EISDIR);
    EXPECT_OK(rename_at("/.ktest/a", "/.ktest/empty/"));
    EXPECT_OK(lookup("/.ktest/empty/b", 0));
    EXPECT_CODE(lookup("/.ktest/a", 0), ENOENT);

    // The links of a directory count its subdirectories, before and after.
    auto root = lookup("/.ktest", 0);
    REQUIRE(root.ok());
    EXPECT_EQ(root.value().inode()->link_count.load(), 3u);
    EXPECT_OK(rename_at("/.ktest/empty/b", "/.ktest/b"));
    EXPECT_EQ(root.value().inode()->link_count.load(), 4u);
    auto parent = lookup("/.ktest/b/..", 0);
    REQUIRE(parent.ok());
    EXPECT(parent.value().same_as(root.value()));
}

TEST(rename_flags, "fs.rename.flags") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(touch("/.ktest/d/inside"));
    EXPECT_OK(store("/.ktest/f", "text"));
    EXPECT_CODE(rename_at("/.ktest/f", "/.ktest/d", RENAME_NOREPLACE), EEXIST);
    EXPECT_CODE(rename_at("/.ktest/f", "/.ktest/none", RENAME_EXCHANGE), ENOENT);
    EXPECT_CODE(rename_at("/.ktest/f", "/.ktest/d/inside", RENAME_WHITEOUT), EINVAL);
    EXPECT_CODE(rename_at("/.ktest/d", "/.ktest/d/inside", RENAME_EXCHANGE), EINVAL);
    EXPECT_OK(rename_at("/.ktest/f", "/.ktest/d", RENAME_EXCHANGE));
    EXPECT(holds("/.ktest/d", "text"));
    EXPECT_OK(lookup("/.ktest/f/inside", 0));
    EXPECT_OK(rename_at("/.ktest/d", "/.ktest/g", RENAME_NOREPLACE));
    EXPECT(holds("/.ktest/g", "text"));
}

TEST(rename_keeps_paths, "fs.rename.d_path") {
    Scratch scratch;
    static char long_name[200];
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "/.ktest/d/", 10);
    const std::string_view long_path(long_name, sizeof long_name);
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(touch("/.ktest/d/f"));
    auto file = lookup("/.ktest/d/f", 0);
    REQUIRE(file.ok());
    static char room[512];
    const auto shown = [&] { return d_path(file.value(), root_path(), room).value(); };
    EXPECT_EQ(shown(), "/.ktest/d/f");
    EXPECT_OK(rename_at("/.ktest/d/f", long_path));
    EXPECT_EQ(shown(), long_path);
    EXPECT_OK(rename_at("/.ktest/d", "/.ktest/e"));
    EXPECT_OK(rename_at("/.ktest/e", "/.ktest/d"));
    EXPECT_OK(touch("/.ktest/short"));
    EXPECT_OK(rename_at("/.ktest/short", long_path));
    long_name[0] = '/';
    EXPECT(shown().ends_with(" (deleted)"));
    EXPECT(shown().starts_with(long_path));
    EXPECT_CODE(d_path(file.value(), root_path(), std::span(room, 20)), ENAMETOOLONG);
}

}  // namespace fs::testing
