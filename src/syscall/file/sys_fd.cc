// Calls on descriptors: opening, closing, duplicating, their flags. Linux: fs/open.c, fs/fcntl.c.
#include "abi/resource.h"
#include "fs/namei.h"
#include "ipc/pipe.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/fcntl_calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

u32 descriptor_limit() {
    const u64 limit = sched::current().signal->rlimits[RLIMIT_NOFILE].current;
    return static_cast<u32>(std::min(limit, u64{1} << 20));
}

Result<u64> open_at(int dirfd, UserPtr<const char> user_name, u32 flags, u32 mode) {
    const auto name = TRY(UserPath::copy_in(user_name));
    // Reserved first and installed last: a failure between leaves nothing behind.
    auto reservation = TRY(fs::reserve_fd((flags & O_CLOEXEC) != 0));
    auto file = TRY(fs::do_open(dirfd, name.view(), flags, mode));
    const int fd = reservation.number();
    reservation.install(std::move(file));
    return u64(fd);
}

Result<u64> sys_open(UserPtr<const char> name, u32 flags, u32 mode) {
    return open_at(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}
Result<u64> sys_openat(int dirfd, UserPtr<const char> name, u32 flags, u32 mode) {
    return open_at(dirfd, name, flags | O_LARGEFILE, mode);
}
Result<u64> sys_creat(UserPtr<const char> name, u32 mode) {
    return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, mode);
}

/// struct open_how of openat2(2).
struct OpenHow {
    u64 flags, mode, resolve;
};

Result<u64> sys_openat2(int dirfd, UserPtr<const char> name, UserPtr<const OpenHow> user_how,
                        u64 size) {
    if (size < sizeof(OpenHow)) return EINVAL;
    if (size > sizeof(OpenHow)) return E2BIG;
    const OpenHow how = TRY(user_how.copy_in());
    if (how.flags >> 32 || how.resolve || (how.mode & ~u64{07777})) return EINVAL;
    if (how.mode && !(how.flags & O_CREAT)) return EINVAL;
    return open_at(dirfd, name, static_cast<u32>(how.flags) | O_LARGEFILE,
                   static_cast<u32>(how.mode));
}

Result<u64> sys_close(int fd) {
    TRY(fs::current_files().close(fd));
    return u64{0};
}

/// Gives the task a descriptor table of its own.
Result<void> unshare_files() {
    fs::FdTable* own = TRY(fs::current_files().duplicate());
    fs::FdTable* shared = nullptr;
    {
        IrqGuard guard(sched::tasks_lock);  // procfs looks at the table under this lock
        shared = std::exchange(sched::current().files, own);
    }
    Ref<fs::FdTable>::adopt(shared).reset();
    return {};
}

Result<u64> sys_close_range(unsigned first, unsigned last, u32 flags) {
    constexpr u32 kUnshare = 1 << 1, kCloexec = 1 << 2;  // CLOSE_RANGE_*
    if (first > last || (flags & ~(kUnshare | kCloexec))) return EINVAL;
    if (flags & kUnshare) TRY(unshare_files());
    fs::current_files().close_range(first, last, (flags & kCloexec) != 0);
    return u64{0};
}

Result<u64> duplicate(int fd, int from, bool close_on_exec) {
    auto file = TRY(fs::fget(fd));
    auto reservation = TRY(fs::reserve_fd(close_on_exec, from));
    const int copy = reservation.number();
    reservation.install(std::move(file));
    return u64(copy);
}

Result<u64> sys_dup(int fd) { return duplicate(fd, 0, false); }

Result<u64> sys_dup3(int from, int to, u32 flags) {
    if (flags & ~O_CLOEXEC) return EINVAL;
    if (from == to) return EINVAL;
    if (to < 0 || u32(to) >= descriptor_limit()) return EBADF;
    TRY(fs::current_files().install_at(to, TRY(fs::fget(from)), (flags & O_CLOEXEC) != 0,
                                       descriptor_limit()));
    return u64(to);
}

Result<u64> sys_dup2(int from, int to) {
    if (from != to) return sys_dup3(from, to, 0);
    TRY(fs::fget(from));
    return u64(to);
}

// --- fcntl --------------------------------------------------------------------------------------

/// O_ASYNC goes to who sends the signals, and is set only if there is somebody.
Result<u64> set_status_flags(fs::File& file, int fd, u32 flags) {
    constexpr u32 kChangeable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
    u32 old = file.flags.load();
    const bool reads_secretly = (flags & ~old) & O_NOATIME;
    if (reads_secretly && file.inode() && !fs::inode_owner_or_capable(*file.inode())) return EPERM;
    if ((flags ^ old) & FASYNC) {
        const Result<void> done = file.ops->fasync(file, fd, flags & FASYNC);
        if (!done.ok() && done.error() != ENOTTY) return done.error();
    }
    while (!file.flags.compare_exchange_weak(old, (old & ~kChangeable) | (flags & kChangeable))) {
    }
    return u64{0};
}

Result<u64> pipe_fcntl(fs::File& file, int command, u64 argument) {
    ipc::Pipe* pipe = ipc::pipe_of(file);
    if (!pipe) return EBADF;
    if (command == F_GETPIPE_SZ) return u64{pipe->capacity()};
    return u64{TRY(pipe->set_capacity(static_cast<u32>(argument)))};
}

Result<u64> file_fcntl(fs::File& file, int fd, int command, u64 argument) {
    switch (command) {
    case F_GETFL: return u64{file.flags.load() & ~O_CLOEXEC};
    case F_SETFL: return set_status_flags(file, fd, static_cast<u32>(argument));
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ: return pipe_fcntl(file, command, argument);
    case F_SETOWN:
    case F_GETOWN:
    case F_SETSIG:
    case F_GETSIG:
    case F_SETOWN_EX:
    case F_GETOWN_EX:
    case F_GETOWNER_UIDS: return owner_fcntl(file, command, argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW: return lock_fcntl(file, command, argument);
    default: return EINVAL;  // also leases, which do not exist here
    }
}

Result<u64> sys_fcntl(int fd, int command, u64 argument) {
    auto file = TRY(fs::fget(fd));
    fs::FdTable& files = fs::current_files();
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument >= descriptor_limit()) return EINVAL;
        return duplicate(fd, static_cast<int>(argument), command == F_DUPFD_CLOEXEC);
    case F_GETFD: return u64{TRY(files.close_on_exec(fd)) ? FD_CLOEXEC : 0u};
    case F_SETFD: TRY(files.set_close_on_exec(fd, (argument & FD_CLOEXEC) != 0)); return u64{0};
    }
    if ((file->flags.load() & O_PATH) && command != F_GETFL) return EBADF;
    return file_fcntl(*file, fd, command, argument);
}

constexpr Entry kCalls[] = {
    {2, "open", call<sys_open>},
    {3, "close", call<sys_close>},
    {32, "dup", call<sys_dup>},
    {33, "dup2", call<sys_dup2>},
    {72, "fcntl", call<sys_fcntl>},
    {85, "creat", call<sys_creat>},
    {257, "openat", call<sys_openat>},
    {292, "dup3", call<sys_dup3>},
    {436, "close_range", call<sys_close_range>},
    {437, "openat2", call<sys_openat2>},
};

}  // namespace

constinit const std::span<const Entry> kFdCalls = kCalls;

}  // namespace syscall
