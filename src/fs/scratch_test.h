/// What the tests of fs/ share: a file system of their own at /.ktest, and shorthands.
#pragma once

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "fs/namei.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/test.h"
#include "sched/task.h"

namespace fs::testing {

using namespace abi;

/// The error number, or 0.
template <class T>
int code(const Result<T>& result) {
    return result.ok() ? 0 : static_cast<int>(result.error());
}
#define EXPECT_CODE(expression, want) EXPECT_EQ(fs::testing::code(expression), int(want))
#define EXPECT_OK(expression) EXPECT_EQ(fs::testing::code(expression), 0)

/// A fresh tmpfs at /.ktest for the length of a test.
class Scratch {
public:
    explicit Scratch(std::string_view options = "") {
        (void)do_mkdir(AT_FDCWD, "/.ktest", 0755);
        auto at = lookup("/.ktest", 0);
        mounted_ = at.ok() && do_mount("none", at.value(), "tmpfs", 0, options).ok();
    }
    ~Scratch() {
        if (!mounted_) return;
        {
            auto at = lookup("/.ktest", 0);
            if (at.ok()) (void)do_umount(at.value(), MNT_DETACH);
        }
        (void)do_rmdir(AT_FDCWD, "/.ktest");
    }
    bool is_mounted() const { return mounted_; }

private:
    bool mounted_ = false;
};

/// Makes the running task somebody without rights until the end of the scope.
class AsUser {
public:
    explicit AsUser(u32 uid, u32 gid = 1000) : saved_(sched::current().cred) {
        sched::Cred& cred = sched::current().cred;
        cred.uid = cred.euid = cred.fsuid = uid;
        cred.gid = cred.egid = cred.fsgid = gid;
        cred.cap_effective = 0;
        cred.group_count = 0;
    }
    ~AsUser() { sched::current().cred = saved_; }

private:
    sched::Cred saved_;
};

inline Result<Ref<File>> open_at(std::string_view name, u32 flags, u32 mode = 0644) {
    return do_open(AT_FDCWD, name, flags, mode);
}
inline Result<void> touch(std::string_view name, u32 mode = 0644) {
    TRY(open_at(name, O_CREAT | O_WRONLY, mode));
    return {};
}
inline Result<void> mkdir_at(std::string_view name) { return do_mkdir(AT_FDCWD, name, 0755); }
inline Result<void> symlink_at(std::string_view target, std::string_view name) {
    return do_symlink(target, AT_FDCWD, name);
}
inline Result<void> unlink_at(std::string_view name) { return do_unlink(AT_FDCWD, name); }
inline Result<void> rmdir_at(std::string_view name) { return do_rmdir(AT_FDCWD, name); }
inline Result<void> rename_at(std::string_view from, std::string_view to, u32 flags = 0) {
    return do_rename({AT_FDCWD, from, AT_FDCWD, to, flags});
}
inline Result<void> write_text(File& file, std::string_view text, u64* offset = nullptr) {
    IovIter from = IovIter::kernel(std::as_bytes(std::span(text)));
    TRY(vfs_write(file, from, offset));
    return {};
}
/// Writes `text` as all of the file `name`.
inline Result<void> store(std::string_view name, std::string_view text) {
    return write_text(*TRY(open_at(name, O_CREAT | O_TRUNC | O_WRONLY)), text);
}
/// Whether the file `name` holds exactly `text` (at most 100 bytes).
inline bool holds(std::string_view name, std::string_view text) {
    std::byte room[128];
    auto file = open_at(name, O_RDONLY);
    if (!file.ok()) return false;
    auto length = kernel_read(*file.value(), room, 0);
    return length.ok() && length.value() == text.size() &&
           memcmp(room, text.data(), text.size()) == 0;
}
inline u64 inode_number(std::string_view name) {
    auto path = lookup(name, 0);
    return path.ok() ? path.value().inode()->number : 0;
}

}  // namespace fs::testing
