// Calls that change what an inode says of itself: mode, owner, times, size.
// Linux: fs/attr.c, fs/open.c, fs/utimes.c.
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "process/signal.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

/// The place behind a descriptor, for f*() calls. EBADF also for O_PATH; EINVAL without an inode.
Result<fs::Path> path_of(int fd) {
    auto file = TRY(fget_data(fd));
    if (!file->inode()) return EINVAL;
    return file->path;
}

// --- mode ---------------------------------------------------------------------------------------

Result<u64> change_mode(const fs::Path& path, u32 mode) {
    TRY(want_write(path));
    fs::Inode& inode = *path.inode();
    sched::MutexGuard guard(inode.mutex);
    if (!fs::inode_owner_or_capable(inode)) return EPERM;
    u32 bits = mode & S_IALLUGO;
    const bool keeps_sgid = sched::current().cred.in_group(inode.gid) || sched::capable(CAP_FSETID);
    if (!keeps_sgid) bits &= ~S_ISGID;
    const u32 old = std::exchange(inode.mode, (inode.mode & S_IFMT) | bits);
    inode.ctime = fs::current_time();
    auto done = inode.ops.attributes_changed(inode);
    if (!done.ok()) {
        inode.mode = old;
        return done.error();
    }
    return u64{0};
}

Result<u64> sys_chmod(UserPtr<const char> name, u32 mode) {
    return change_mode(TRY(path_at(AT_FDCWD, name, 0, Follow::Yes)), mode);
}
Result<u64> sys_fchmod(int fd, u32 mode) { return change_mode(TRY(path_of(fd)), mode); }
Result<u64> sys_fchmodat(int dirfd, UserPtr<const char> name, u32 mode) {
    return change_mode(TRY(path_at(dirfd, name, 0, Follow::Yes)), mode);
}

// --- owner --------------------------------------------------------------------------------------

Result<void> may_chown(const fs::Inode& inode, u32 uid, u32 gid) {
    if (sched::capable(CAP_CHOWN)) return {};
    const sched::Cred& cred = sched::current().cred;
    const bool owns = cred.fsuid == inode.uid;
    if (uid != ~0u && !(owns && uid == inode.uid)) return EPERM;
    if (gid != ~0u && !(owns && (gid == inode.gid || cred.in_group(gid)))) return EPERM;
    return {};
}

Result<u64> change_owner(const fs::Path& path, u32 uid, u32 gid) {
    TRY(want_write(path));
    fs::Inode& inode = *path.inode();
    sched::MutexGuard guard(inode.mutex);
    TRY(may_chown(inode, uid, gid));
    if (uid != ~0u) inode.uid = uid;
    if (gid != ~0u) inode.gid = gid;
    if (!inode.is_dir()) {  // a set-user-id program must not change hands with its bit on
        inode.mode &= ~S_ISUID;
        if (inode.mode & S_IXGRP) inode.mode &= ~S_ISGID;
    }
    inode.ctime = fs::current_time();
    TRY(inode.ops.attributes_changed(inode));
    return u64{0};
}

Result<u64> sys_fchownat(int dirfd, UserPtr<const char> name, u32 uid, u32 gid, u32 flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    return change_owner(TRY(path_at(dirfd, name, flags, Follow::Yes)), uid, gid);
}
Result<u64> sys_chown(UserPtr<const char> name, u32 uid, u32 gid) {
    return sys_fchownat(AT_FDCWD, name, uid, gid, 0);
}
Result<u64> sys_lchown(UserPtr<const char> name, u32 uid, u32 gid) {
    return sys_fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}
Result<u64> sys_fchown(int fd, u32 uid, u32 gid) {
    return change_owner(TRY(path_of(fd)), uid, gid);
}

// --- times --------------------------------------------------------------------------------------

struct NewTimes {
    Timespec at[2];  // access, modification; nsec may be UTIME_NOW or UTIME_OMIT
};

bool is_valid(const Timespec& time) {
    return time.nsec == UTIME_NOW || time.nsec == UTIME_OMIT ||
           (time.nsec >= 0 && time.nsec < 1'000'000'000);
}

void set_time(fs::TimeSpec& field, const Timespec& wanted, fs::TimeSpec now) {
    if (wanted.nsec == UTIME_OMIT) return;
    field = wanted.nsec == UTIME_NOW ? now : fs::TimeSpec{wanted.sec, u32(wanted.nsec)};
}

Result<u64> change_times(const fs::Path& path, const NewTimes& times) {
    const Timespec &access = times.at[0], &change = times.at[1];
    if (!is_valid(access) || !is_valid(change)) return EINVAL;
    if (access.nsec == UTIME_OMIT && change.nsec == UTIME_OMIT) return u64{0};
    TRY(want_write(path));
    fs::Inode& inode = *path.inode();
    sched::MutexGuard guard(inode.mutex);
    if (!fs::inode_owner_or_capable(inode)) {
        // Who may write may say "now", as a write would; any other time is the owner's.
        if (access.nsec != UTIME_NOW || change.nsec != UTIME_NOW) return EPERM;
        TRY(fs::inode_permission(inode, W_OK));
    }
    const fs::TimeSpec now = fs::current_time();
    set_time(inode.atime, access, now);
    set_time(inode.mtime, change, now);
    inode.ctime = now;
    TRY(inode.ops.attributes_changed(inode));
    return u64{0};
}

constexpr NewTimes kNow{{{0, UTIME_NOW}, {0, UTIME_NOW}}};

Result<u64> sys_utimensat(int dirfd, UserPtr<const char> name, UserPtr<const NewTimes> user_times,
                          u32 flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    const NewTimes times = user_times.is_null() ? kNow : TRY(user_times.copy_in());
    if (name.is_null()) {  // futimens()
        if (dirfd == AT_FDCWD) return EFAULT;
        if (flags) return EINVAL;
        return change_times(TRY(path_of(dirfd)), times);
    }
    return change_times(TRY(path_at(dirfd, name, flags, Follow::Yes)), times);
}

struct TwoTimevals {
    Timeval at[2];
};

Result<u64> sys_futimesat(int dirfd, UserPtr<const char> name, UserPtr<const TwoTimevals> user) {
    NewTimes times = kNow;
    if (!user.is_null()) {
        const TwoTimevals given = TRY(user.copy_in());
        for (int i = 0; i < 2; i++) {
            if (given.at[i].usec < 0 || given.at[i].usec >= 1'000'000) return EINVAL;
            times.at[i] = {given.at[i].sec, given.at[i].usec * 1000};
        }
    }
    if (name.is_null()) return change_times(TRY(path_of(dirfd)), times);
    return change_times(TRY(path_at(dirfd, name, 0, Follow::Yes)), times);
}
Result<u64> sys_utimes(UserPtr<const char> name, UserPtr<const TwoTimevals> times) {
    return sys_futimesat(AT_FDCWD, name, times);
}

struct UtimBuf {
    i64 access, modification;
};

Result<u64> sys_utime(UserPtr<const char> name, UserPtr<const UtimBuf> user) {
    NewTimes times = kNow;
    if (!user.is_null()) {
        const UtimBuf given = TRY(user.copy_in());
        times = {{{given.access, 0}, {given.modification, 0}}};
    }
    return change_times(TRY(path_at(AT_FDCWD, name, 0, Follow::Yes)), times);
}

// --- size ---------------------------------------------------------------------------------------

/// RLIMIT_FSIZE: EFBIG, and SIGXFSZ to say so.
Result<void> check_size_limit(u64 size) {
    if (size <= sched::current().signal->rlimits[RLIMIT_FSIZE].current) return {};
    process::send_signal_to_self(SIGXFSZ);
    return EFBIG;
}

Result<u64> change_size(fs::Inode& inode, i64 size) {
    if (u64(size) > inode.size.load()) TRY(check_size_limit(size));
    TRY(fs::do_truncate(inode, u64(size)));
    return u64{0};
}

Result<u64> sys_truncate(UserPtr<const char> name, i64 size) {
    if (size < 0) return EINVAL;
    const fs::Path path = TRY(path_at(AT_FDCWD, name, 0, Follow::Yes));
    if (path.inode()->is_dir()) return EISDIR;
    if (!path.inode()->is_regular()) return EINVAL;
    TRY(want_write(path));
    TRY(fs::inode_permission(*path.inode(), W_OK));
    return change_size(*path.inode(), size);
}

Result<u64> sys_ftruncate(int fd, i64 size) {
    if (size < 0) return EINVAL;
    auto file = TRY(fget_data(fd));
    if (!file->inode() || !file->inode()->is_regular() || !file->may_write()) return EINVAL;
    return change_size(*file->inode(), size);
}

Result<u64> sys_fallocate(int fd, u32 mode, i64 offset, i64 bytes) {
    if (offset < 0 || bytes <= 0) return EINVAL;
    auto file = TRY(fget_data(fd));
    if (mode != 0) return EOPNOTSUPP;  // keeping the size, punching holes
    if (!file->may_write()) return EBADF;
    if (file->ops->is_stream()) return ESPIPE;
    if (!file->inode() || !file->inode()->is_regular()) return ENODEV;
    i64 end = 0;
    if (__builtin_add_overflow(offset, bytes, &end)) return EFBIG;
    if (u64(end) > file->inode()->size.load()) TRY(change_size(*file->inode(), end));
    // The promise: writes to the range do not run out of space. So the pages come now.
    for (u64 index = u64(offset) >> kPageShift; index << kPageShift < u64(end); index++) {
        if (sched::signal_pending(sched::current())) return EINTR;
        mm::put_page(*TRY(file->inode()->mapping.read_page(index)));
    }
    return u64{0};
}

constexpr Entry kCalls[] = {
    {76, "truncate", call<sys_truncate>},    {77, "ftruncate", call<sys_ftruncate>},
    {90, "chmod", call<sys_chmod>},          {91, "fchmod", call<sys_fchmod>},
    {92, "chown", call<sys_chown>},          {93, "fchown", call<sys_fchown>},
    {94, "lchown", call<sys_lchown>},        {132, "utime", call<sys_utime>},
    {235, "utimes", call<sys_utimes>},       {260, "fchownat", call<sys_fchownat>},
    {261, "futimesat", call<sys_futimesat>}, {268, "fchmodat", call<sys_fchmodat>},
    {280, "utimensat", call<sys_utimensat>}, {285, "fallocate", call<sys_fallocate>},
};

}  // namespace

constinit const std::span<const Entry> kAttrCalls = kCalls;

}  // namespace syscall
