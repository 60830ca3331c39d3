// Calls on directories: reading them, and where the process stands. Linux: fs/readdir.c, d_path.c.
#include "abi/dirent.h"
#include "abi/prctl.h"
#include "fs/namei.h"
#include "lib/string.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

/// Puts directory entries into user memory in one of the two layouts.
class UserDirSink final : public fs::DirSink {
public:
    enum class Layout : u8 { Dirent64, Old };
    UserDirSink(Layout layout, VirtAddr at, usize room) : layout_(layout), at_(at), room_(room) {}

    bool emit(std::string_view name, u64 inode, u8 type, u64 next_offset) override {
        // The largest record: header, 255 bytes of name, NUL, type, padding.
        alignas(8) char record[288];
        if (name.size() > fs::Dentry::kMaxName) return fail(EIO);
        const usize length = build(record, name, inode, type, next_offset);
        if (length > room_ - used_) {
            if (used_ == 0) fail(EINVAL);
            return false;
        }
        if (!copy_to_user(at_ + used_, record, length).ok()) return fail(EFAULT);
        used_ += length;
        return true;
    }

    /// Bytes written, or why there are none.
    Result<u64> outcome() const {
        if (used_ == 0 && error_) return static_cast<Errno>(error_);
        return u64{used_};
    }

private:
    usize build(std::span<char> record, std::string_view name, u64 inode, u8 type, u64 next) {
        const bool is_old = layout_ == Layout::Old;
        const usize header = is_old ? sizeof(DirentOld) : sizeof(Dirent64);
        const usize length = align_up(header + name.size() + 1 + is_old, 8);
        memset(record.data(), 0, length);
        if (is_old) {
            const DirentOld head{inode, next, static_cast<u16>(length)};
            memcpy(record.data(), &head, sizeof head);
            record[length - 1] = static_cast<char>(type);
        } else {
            const Dirent64 head{inode, static_cast<i64>(next), static_cast<u16>(length), type};
            memcpy(record.data(), &head, sizeof head);
        }
        memcpy(record.data() + header, name.data(), name.size());
        return length;
    }
    bool fail(Errno why) {
        error_ = static_cast<int>(why);
        return false;
    }

    const Layout layout_;
    const VirtAddr at_;
    const usize room_;
    usize used_ = 0;
    int error_ = 0;
};

Result<u64> get_entries(int fd, UserDirSink&& sink) {
    auto file = TRY(fget_data(fd));
    fs::Inode* inode = file->inode();
    if (!inode || !inode->is_dir()) return ENOTDIR;
    sched::MutexGuard guard(file->position_mutex);
    if (file->path.dentry->is_unlinked()) return ENOENT;
    TRY(file->ops->read_dir(*file, sink));
    return sink.outcome();
}

Result<u64> sys_getdents64(int fd, u64 buffer, u32 bytes) {
    TRY(check_user_range(buffer, bytes));
    return get_entries(fd, {UserDirSink::Layout::Dirent64, VirtAddr(buffer), bytes});
}
Result<u64> sys_getdents(int fd, u64 buffer, u32 bytes) {
    TRY(check_user_range(buffer, bytes));
    return get_entries(fd, {UserDirSink::Layout::Old, VirtAddr(buffer), bytes});
}

// --- where the process stands
// ---------------------------------------------------------------------

Result<u64> sys_getcwd(u64 buffer, u64 bytes) {
    fs::FsStruct& place = *sched::current().fs;
    const fs::Path cwd = place.cwd();
    if (cwd.dentry->is_unlinked()) return ENOENT;
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPathMax, mm::Gfp::Kernel)));
    auto name = fs::d_path(cwd, place.root(), std::span(room, kPathMax - 1));
    Result<u64> outcome = ENAMETOOLONG;
    if (name.ok()) {
        const usize length = name.value().size();
        memmove(room, name.value().data(), length);
        room[length] = '\0';
        const bool fits = length + 1 <= bytes;
        const bool copied = fits && copy_to_user(VirtAddr(buffer), room, length + 1).ok();
        mm::kfree(room);
        if (!fits) return ERANGE;
        if (!copied) return EFAULT;
        return u64{length + 1};
    }
    mm::kfree(room);
    return name.error();
}

Result<u64> change_directory(const fs::Path& path) {
    if (!path.inode() || !path.inode()->is_dir()) return ENOTDIR;
    TRY(fs::inode_permission(*path.inode(), X_OK));
    sched::current().fs->set_cwd(path);
    return u64{0};
}

Result<u64> sys_chdir(UserPtr<const char> name) {
    return change_directory(TRY(path_at(AT_FDCWD, name, 0, Follow::Yes)));
}
Result<u64> sys_fchdir(int fd) { return change_directory(TRY(fs::fget(fd))->path); }

Result<u64> sys_chroot(UserPtr<const char> name) {
    const fs::Path path = TRY(path_at(AT_FDCWD, name, 0, Follow::Yes));
    if (!path.inode()->is_dir()) return ENOTDIR;
    TRY(fs::inode_permission(*path.inode(), X_OK));
    if (!sched::capable(CAP_SYS_CHROOT)) return EPERM;
    sched::current().fs->set_root(path);
    return u64{0};
}

Result<u64> sys_umask(u32 mask) { return u64{sched::current().fs->umask.exchange(mask & 0777)}; }

// --- making and removing them
// ---------------------------------------------------------------------

Result<u64> sys_mkdirat(int dirfd, UserPtr<const char> user_name, u32 mode) {
    const auto name = TRY(UserPath::copy_in(user_name));
    TRY(fs::do_mkdir(dirfd, name.view(), mode));
    return u64{0};
}
Result<u64> sys_mkdir(UserPtr<const char> name, u32 mode) {
    return sys_mkdirat(AT_FDCWD, name, mode);
}
Result<u64> sys_rmdir(UserPtr<const char> user_name) {
    const auto name = TRY(UserPath::copy_in(user_name));
    TRY(fs::do_rmdir(AT_FDCWD, name.view()));
    return u64{0};
}

constexpr Entry kCalls[] = {
    {78, "getdents", call<sys_getdents>},
    {79, "getcwd", call<sys_getcwd>},
    {80, "chdir", call<sys_chdir>},
    {81, "fchdir", call<sys_fchdir>},
    {83, "mkdir", call<sys_mkdir>},
    {84, "rmdir", call<sys_rmdir>},
    {95, "umask", call<sys_umask>},
    {161, "chroot", call<sys_chroot>},
    {217, "getdents64", call<sys_getdents64>},
    {258, "mkdirat", call<sys_mkdirat>},
};

}  // namespace

constinit const std::span<const Entry> kDirCalls = kCalls;

}  // namespace syscall
