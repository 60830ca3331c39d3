// Calls that ask what a file is, and whether it may be used. Linux: fs/stat.c, fs/open.c.
#include "abi/mount.h"
#include "abi/stat.h"
#include "fs/char_dev.h"
#include "fs/namei.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

constexpr u32 kAnonymousDevice = 0xe;

Stat stat_of(fs::Inode& inode) {
    inode.ops.refresh(inode);
    Stat out{};
    out.st_dev = inode.super.device;
    out.st_ino = inode.number;
    out.st_nlink = inode.link_count.load();
    out.st_mode = inode.mode;
    out.st_uid = inode.uid;
    out.st_gid = inode.gid;
    out.st_rdev = inode.device;
    out.st_size = static_cast<i64>(inode.size.load());
    out.st_blksize = inode.super.block_size;
    out.st_blocks = static_cast<i64>(inode.blocks);
    out.st_atime_sec = inode.atime.sec, out.st_atime_nsec = inode.atime.nsec;
    out.st_mtime_sec = inode.mtime.sec, out.st_mtime_nsec = inode.mtime.nsec;
    out.st_ctime_sec = inode.ctime.sec, out.st_ctime_nsec = inode.ctime.nsec;
    return out;
}

/// A file that no directory knows (eventfd, epoll): all that Linux says of it.
Stat stat_of_anonymous() {
    Stat out{};
    out.st_dev = kAnonymousDevice;
    out.st_ino = 1;
    out.st_nlink = 1;
    out.st_mode = 0600;
    out.st_blksize = kPageSize;
    return out;
}

Stat stat_of(const fs::File& file) {
    fs::Inode* inode = file.inode();
    return inode ? stat_of(*inode) : stat_of_anonymous();
}

}  // namespace

Result<Stat> stat_at(int dirfd, UserPtr<const char> name, u32 flags) {
    constexpr u32 kKnown = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
    if (flags & ~kKnown) return EINVAL;
    if (flags & AT_EMPTY_PATH) {  // glibc's fstat(): worth a short cut, and works without a path
        const auto path = TRY(UserPath::copy_in(name));
        if (path.view().empty() && dirfd != AT_FDCWD) return stat_of(*TRY(fs::fget(dirfd)));
    }
    return stat_of(*TRY(path_at(dirfd, name, flags, Follow::Yes)).inode());
}

Result<Stat> stat_fd(int fd) {
    const fs::FdFile file = TRY(fs::fdget(fd));
    return stat_of(*file);
}

namespace {

Result<u64> sys_stat(UserPtr<const char> name, UserPtr<Stat> out) {
    TRY(out.copy_out(TRY(stat_at(AT_FDCWD, name, 0))));
    return u64{0};
}
Result<u64> sys_lstat(UserPtr<const char> name, UserPtr<Stat> out) {
    TRY(out.copy_out(TRY(stat_at(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW))));
    return u64{0};
}
Result<u64> sys_fstat(int fd, UserPtr<Stat> out) {
    TRY(out.copy_out(TRY(stat_fd(fd))));
    return u64{0};
}
Result<u64> sys_newfstatat(int dirfd, UserPtr<const char> name, UserPtr<Stat> out, u32 flags) {
    TRY(out.copy_out(TRY(stat_at(dirfd, name, flags))));
    return u64{0};
}

StatxTimestamp timestamp(u64 sec, u64 nsec) {
    return {.tv_sec = static_cast<i64>(sec), .tv_nsec = static_cast<u32>(nsec), .reserved = 0};
}

Statx to_statx(const Stat& from) {
    Statx out{};
    out.stx_mask = STATX_BASIC_STATS;
    out.stx_blksize = static_cast<u32>(from.st_blksize);
    out.stx_nlink = static_cast<u32>(from.st_nlink);
    out.stx_uid = from.st_uid;
    out.stx_gid = from.st_gid;
    out.stx_mode = static_cast<u16>(from.st_mode);
    out.stx_ino = from.st_ino;
    out.stx_size = static_cast<u64>(from.st_size);
    out.stx_blocks = static_cast<u64>(from.st_blocks);
    out.stx_atime = timestamp(from.st_atime_sec, from.st_atime_nsec);
    out.stx_mtime = timestamp(from.st_mtime_sec, from.st_mtime_nsec);
    out.stx_ctime = timestamp(from.st_ctime_sec, from.st_ctime_nsec);
    out.stx_rdev_major = fs::major_of(static_cast<u32>(from.st_rdev));
    out.stx_rdev_minor = fs::minor_of(static_cast<u32>(from.st_rdev));
    out.stx_dev_major = fs::major_of(static_cast<u32>(from.st_dev));
    out.stx_dev_minor = fs::minor_of(static_cast<u32>(from.st_dev));
    return out;
}

Result<u64> sys_statx(int dirfd, UserPtr<const char> name, u32 flags, u32 mask,
                      UserPtr<Statx> out) {
    if (mask & STATX__RESERVED) return EINVAL;
    if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE) return EINVAL;
    TRY(out.copy_out(to_statx(TRY(stat_at(dirfd, name, flags & ~AT_STATX_SYNC_TYPE)))));
    return u64{0};
}

// --- statfs -------------------------------------------------------------------------------------

Result<u64> statfs_to(const fs::Path& path, UserPtr<StatFs> to) {
    StatFs out{};
    fs::SuperBlock& super = path.inode()->super;
    out.f_type = static_cast<i64>(super.magic);
    out.f_bsize = out.f_frsize = super.block_size;
    out.f_namelen = fs::Dentry::kMaxName;
    TRY(super.ops.statfs(super, out));
    constexpr u32 kSame = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;  // same bits in ST_*
    if (path.mount) out.f_flags |= ST_VALID | (path.mount->flags & kSame);
    TRY(to.copy_out(out));
    return u64{0};
}

Result<u64> sys_statfs(UserPtr<const char> name, UserPtr<StatFs> out) {
    return statfs_to(TRY(path_at(AT_FDCWD, name, 0, Follow::Yes)), out);
}
Result<u64> sys_fstatfs(int fd, UserPtr<StatFs> out) {
    auto file = TRY(fs::fget(fd));
    if (file->inode()) return statfs_to(file->path, out);
    StatFs anonymous{};
    anonymous.f_type = ANON_INODE_FS_MAGIC;
    anonymous.f_bsize = anonymous.f_frsize = kPageSize;
    anonymous.f_namelen = fs::Dentry::kMaxName;
    TRY(out.copy_out(anonymous));
    return u64{0};
}

// --- access -------------------------------------------------------------------------------------

/// Lets the real user and group decide until the end of the scope, as access(2) wants.
class RealIds {
public:
    RealIds() : saved_uid_(cred().fsuid), saved_gid_(cred().fsgid), caps_(cred().cap_effective) {
        cred().fsuid = cred().uid;
        cred().fsgid = cred().gid;
        cred().cap_effective = cred().uid == 0 ? cred().cap_permitted : 0;
    }
    ~RealIds() {
        cred().fsuid = saved_uid_;
        cred().fsgid = saved_gid_;
        cred().cap_effective = caps_;
    }
    RealIds(const RealIds&) = delete;

private:
    static sched::Cred& cred() { return sched::current().cred; }
    const u32 saved_uid_, saved_gid_;
    const u64 caps_;
};

Result<void> check_access(const fs::Path& path, u32 wanted) {
    if ((wanted & W_OK) && !path.inode()->is_char_device() && !path.inode()->is_fifo()) {
        TRY(want_write(path));
    }
    if ((wanted & X_OK) && path.inode()->is_regular() && (path.mount->flags & MS_NOEXEC)) {
        return EACCES;
    }
    return wanted == F_OK ? Result<void>() : fs::inode_permission(*path.inode(), wanted);
}

Result<u64> sys_faccessat2(int dirfd, UserPtr<const char> name, u32 wanted, u32 flags) {
    if (wanted & ~(R_OK | W_OK | X_OK)) return EINVAL;
    if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    const u32 walk_flags = flags & ~AT_EACCESS;
    if (flags & AT_EACCESS) {
        TRY(check_access(TRY(path_at(dirfd, name, walk_flags, Follow::Yes)), wanted));
        return u64{0};
    }
    const RealIds as_real_user;
    TRY(check_access(TRY(path_at(dirfd, name, walk_flags, Follow::Yes)), wanted));
    return u64{0};
}
Result<u64> sys_faccessat(int dirfd, UserPtr<const char> name, u32 wanted) {
    return sys_faccessat2(dirfd, name, wanted, 0);
}
Result<u64> sys_access(UserPtr<const char> name, u32 wanted) {
    return sys_faccessat2(AT_FDCWD, name, wanted, 0);
}

constexpr Entry kCalls[] = {
    {4, "stat", call<sys_stat>},
    {5, "fstat", call<sys_fstat>},
    {6, "lstat", call<sys_lstat>},
    {21, "access", call<sys_access>},
    {137, "statfs", call<sys_statfs>},
    {138, "fstatfs", call<sys_fstatfs>},
    {262, "newfstatat", call<sys_newfstatat>},
    {269, "faccessat", call<sys_faccessat>},
    {332, "statx", call<sys_statx>},
    {439, "faccessat2", call<sys_faccessat2>},
};

}  // namespace

constinit const std::span<const Entry> kStatCalls = kCalls;

}  // namespace syscall
