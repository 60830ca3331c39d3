// Calls on names: links, renames, removal, device nodes. Linux: fs/namei.c.
#include "abi/prctl.h"
#include "abi/stat.h"
#include "fs/namei.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

Result<u64> sys_unlinkat(int dirfd, UserPtr<const char> user_name, u32 flags) {
    if (flags & ~AT_REMOVEDIR) return EINVAL;
    const auto name = TRY(UserPath::copy_in(user_name));
    TRY(flags & AT_REMOVEDIR ? fs::do_rmdir(dirfd, name.view())
                             : fs::do_unlink(dirfd, name.view()));
    return u64{0};
}
Result<u64> sys_unlink(UserPtr<const char> name) { return sys_unlinkat(AT_FDCWD, name, 0); }

Result<u64> sys_renameat2(int old_dirfd, UserPtr<const char> user_old, int new_dirfd,
                          UserPtr<const char> user_new, u32 flags) {
    if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) return EINVAL;
    if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE)) return EINVAL;
    const auto old_name = TRY(UserPath::copy_in(user_old));
    const auto new_name = TRY(UserPath::copy_in(user_new));
    TRY(fs::do_rename({old_dirfd, old_name.view(), new_dirfd, new_name.view(), flags}));
    return u64{0};
}
Result<u64> sys_renameat(int old_dirfd, UserPtr<const char> old_name, int new_dirfd,
                         UserPtr<const char> new_name) {
    return sys_renameat2(old_dirfd, old_name, new_dirfd, new_name, 0);
}
Result<u64> sys_rename(UserPtr<const char> old_name, UserPtr<const char> new_name) {
    return sys_renameat2(AT_FDCWD, old_name, AT_FDCWD, new_name, 0);
}

Result<u64> sys_linkat(int old_dirfd, UserPtr<const char> user_old, int new_dirfd,
                       UserPtr<const char> user_new, u32 flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return EINVAL;
    const auto old_name = TRY(UserPath::copy_in(user_old));
    const auto new_name = TRY(UserPath::copy_in(user_new));
    TRY(fs::do_link(old_dirfd, old_name.view(), new_dirfd, new_name.view(), flags));
    return u64{0};
}
Result<u64> sys_link(UserPtr<const char> old_name, UserPtr<const char> new_name) {
    return sys_linkat(AT_FDCWD, old_name, AT_FDCWD, new_name, 0);
}

Result<u64> sys_symlinkat(UserPtr<const char> user_target, int dirfd,
                          UserPtr<const char> user_name) {
    const auto target = TRY(UserPath::copy_in(user_target));
    const auto name = TRY(UserPath::copy_in(user_name));
    if (target.view().empty()) return ENOENT;
    TRY(fs::do_symlink(target.view(), dirfd, name.view()));
    return u64{0};
}
Result<u64> sys_symlink(UserPtr<const char> target, UserPtr<const char> name) {
    return sys_symlinkat(target, AT_FDCWD, name);
}

Result<u64> sys_readlinkat(int dirfd, UserPtr<const char> name, u64 buffer, int bytes) {
    if (bytes <= 0) return EINVAL;
    const fs::Path path = TRY(path_at(dirfd, name, AT_EMPTY_PATH, Follow::No));
    fs::Inode* inode = path.inode();
    if (!inode || !inode->is_symlink()) return EINVAL;
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPathMax, mm::Gfp::Kernel)));
    auto length = inode->ops.readlink(*inode, std::span(room, kPathMax));
    Result<void> copied;
    usize count = 0;
    if (length.ok()) {
        count = std::min(length.value(), static_cast<usize>(bytes));
        copied = copy_to_user(VirtAddr(buffer), room, count);
    }
    mm::kfree(room);
    if (!length.ok()) return length.error();
    TRY(std::move(copied));
    return u64{count};
}
Result<u64> sys_readlink(UserPtr<const char> name, u64 buffer, int bytes) {
    return sys_readlinkat(AT_FDCWD, name, buffer, bytes);
}

Result<u64> sys_mknodat(int dirfd, UserPtr<const char> user_name, u32 mode, u32 device) {
    const u32 type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    const bool is_device = type == S_IFCHR || type == S_IFBLK;
    if (type == S_IFDIR) return EPERM;
    if (!is_device && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK) return EINVAL;
    if (is_device && !sched::capable(CAP_MKNOD)) return EPERM;
    const auto name = TRY(UserPath::copy_in(user_name));
    TRY(fs::do_mknod(dirfd, name.view(), type | (mode & S_IALLUGO), is_device ? device : 0));
    return u64{0};
}
Result<u64> sys_mknod(UserPtr<const char> name, u32 mode, u32 device) {
    return sys_mknodat(AT_FDCWD, name, mode, device);
}

constexpr Entry kCalls[] = {
    {82, "rename", call<sys_rename>},        {86, "link", call<sys_link>},
    {87, "unlink", call<sys_unlink>},        {88, "symlink", call<sys_symlink>},
    {89, "readlink", call<sys_readlink>},    {133, "mknod", call<sys_mknod>},
    {259, "mknodat", call<sys_mknodat>},     {263, "unlinkat", call<sys_unlinkat>},
    {264, "renameat", call<sys_renameat>},   {265, "linkat", call<sys_linkat>},
    {266, "symlinkat", call<sys_symlinkat>}, {267, "readlinkat", call<sys_readlinkat>},
    {316, "renameat2", call<sys_renameat2>},
};

}  // namespace

constinit const std::span<const Entry> kPathCalls = kCalls;

}  // namespace syscall
