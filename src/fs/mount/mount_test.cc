// Mounting: crossing, covering, read-only, bind, move, umount.
#include "fs/scratch_test.h"

namespace fs::testing {

static Result<void> mount_at(std::string_view source, std::string_view target, u32 flags,
                             std::string_view type = "tmpfs", std::string_view data = "") {
    const Path path = TRY(lookup(target, kLookupFollow));
    return do_mount(source, path, type, flags, data);
}
static Result<void> umount_at(std::string_view target, u32 flags = 0) {
    const Path path = TRY(lookup(target, kLookupFollow));
    return do_umount(path, flags);
}

TEST(mount_crossing, "fs.mount.crossing") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/m"));
    EXPECT_OK(touch("/.ktest/m/below"));
    EXPECT_OK(mount_at("none", "/.ktest/m", 0));
    EXPECT_CODE(lookup("/.ktest/m/below", 0), ENOENT);
    EXPECT_OK(touch("/.ktest/m/above"));
    EXPECT_OK(lookup("/.ktest/m/../m/above", 0));
    auto up = lookup("/.ktest/m/..", 0), direct = lookup("/.ktest", 0);
    REQUIRE(up.ok() && direct.ok());
    EXPECT(up.value().same_as(direct.value()));
    EXPECT_CODE(rmdir_at("/.ktest/m"), EBUSY);
    EXPECT_CODE(rename_at("/.ktest/m", "/.ktest/n"), EBUSY);

    char room[64];
    auto file = lookup("/.ktest/m/above", 0);
    REQUIRE(file.ok());
    EXPECT_EQ(d_path(file.value(), root_path(), room).value(), "/.ktest/m/above");
    EXPECT_EQ(d_path(file.value(), up.value(), room).value(), "/m/above");
    EXPECT_EQ(d_path(up.value(), up.value(), room).value(), "/");

    EXPECT_OK(mount_at("none", "/.ktest/m", 0));  // a second one covers the first
    EXPECT_CODE(lookup("/.ktest/m/above", 0), ENOENT);
    EXPECT_OK(umount_at("/.ktest/m"));
    EXPECT_CODE(umount_at("/.ktest/m"), EBUSY);  // `file` is on it
    file.value() = Path();
    EXPECT_OK(umount_at("/.ktest/m"));
    EXPECT_OK(lookup("/.ktest/m/below", 0));
    EXPECT_CODE(umount_at("/.ktest/m"), EINVAL);
    EXPECT_CODE(umount_at("/"), EBUSY);
}

TEST(mount_rules, "fs.mount.rules") {
    Scratch scratch;
    EXPECT_OK(touch("/.ktest/f"));
    EXPECT_OK(mkdir_at("/.ktest/m"));
    EXPECT_CODE(mount_at("none", "/.ktest/m", 0, "nonsense"), ENODEV);
    EXPECT_CODE(mount_at("none", "/.ktest/f", 0), ENOTDIR);
    EXPECT_CODE(mount_at("none", "/.ktest/m", 0, "tmpfs", "size=x"), EINVAL);
    EXPECT_CODE(mount_at("none", "/.ktest/m", 0, "tmpfs", "bad=1"), EINVAL);
    EXPECT_CODE(mount_at("", "/.ktest/m", MS_REMOUNT | MS_RDONLY), EINVAL);
    {
        AsUser user(1000);
        EXPECT_CODE(mount_at("none", "/.ktest/m", 0), EPERM);
    }
    EXPECT_OK(mount_at("none", "/.ktest/m", 0));
    auto open_file = open_at("/.ktest/m/f", O_CREAT | O_WRONLY);
    EXPECT_OK(open_file);
    EXPECT_CODE(mount_at("", "/.ktest/m", MS_REMOUNT | MS_RDONLY), EBUSY);
    open_file.value().reset();
    EXPECT_OK(mount_at("", "/.ktest/m", MS_REMOUNT | MS_RDONLY));
    EXPECT_CODE(touch("/.ktest/m/new"), EROFS);
    EXPECT_CODE(open_at("/.ktest/m/f", O_WRONLY), EROFS);
    EXPECT_OK(open_at("/.ktest/m/f", O_RDONLY | O_CREAT));
    EXPECT_CODE(mkdir_at("/.ktest/m/d"), EROFS);
    EXPECT_CODE(mkdir_at("/.ktest/m/f"), EEXIST);
    EXPECT_CODE(unlink_at("/.ktest/m/f"), EROFS);
    EXPECT_CODE(rename_at("/.ktest/m/f", "/.ktest/m/g"), EROFS);
    EXPECT_OK(mount_at("", "/.ktest/m", MS_REMOUNT | MS_NODEV));
    EXPECT_OK(do_mknod(AT_FDCWD, "/.ktest/m/null", S_IFCHR | 0666, 0x103));
    EXPECT_CODE(open_at("/.ktest/m/null", O_RDONLY), EACCES);
    EXPECT_OK(umount_at("/.ktest/m"));
}

TEST(mount_bind_and_move, "fs.mount.bind") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/a"));
    EXPECT_OK(mkdir_at("/.ktest/a/sub"));
    EXPECT_OK(mkdir_at("/.ktest/b"));
    EXPECT_OK(store("/.ktest/a/f", "text"));
    EXPECT_OK(store("/.ktest/single", "one"));
    EXPECT_OK(mount_at("/.ktest/a", "/.ktest/b", MS_BIND));
    EXPECT(holds("/.ktest/b/f", "text"));
    EXPECT_OK(store("/.ktest/b/f", "changed"));
    EXPECT(holds("/.ktest/a/f", "changed"));
    EXPECT_OK(mount_at("", "/.ktest/b", MS_REMOUNT | MS_BIND | MS_RDONLY));
    EXPECT_CODE(touch("/.ktest/b/new"), EROFS);
    EXPECT_OK(touch("/.ktest/a/new"));
    EXPECT_CODE(mount_at("/.ktest/a/f", "/.ktest/b", MS_BIND), ENOTDIR);
    EXPECT_OK(mount_at("/.ktest/single", "/.ktest/a/f", MS_BIND));
    EXPECT(holds("/.ktest/a/f", "one"));
    EXPECT_OK(umount_at("/.ktest/a/f"));

    EXPECT_OK(mkdir_at("/.ktest/c"));
    EXPECT_CODE(mount_at("/.ktest/a", "/.ktest/c", MS_MOVE), EINVAL);
    EXPECT_OK(mount_at("/.ktest/b", "/.ktest/c", MS_MOVE));
    EXPECT_OK(lookup("/.ktest/c/f", 0));
    EXPECT_CODE(lookup("/.ktest/b/f", 0), ENOENT);
    EXPECT_CODE(mount_at("/.ktest/c", "/.ktest/c/sub", MS_MOVE), ELOOP);
    EXPECT_OK(mount_at("none", "/.ktest/c/sub", 0));
    EXPECT_CODE(umount_at("/.ktest/c"), EBUSY);
    EXPECT_OK(umount_at("/.ktest/c", MNT_DETACH));  // both go
    EXPECT_CODE(lookup("/.ktest/c/f", 0), ENOENT);
    EXPECT_EQ(lookup("/.ktest/a/sub", 0).value().dentry->mount_count.load(), 0u);
}

}  // namespace fs::testing
