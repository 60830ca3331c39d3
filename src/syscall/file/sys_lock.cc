// Advisory locks: fcntl(F_GETLK, F_SETLK, F_SETLKW) and flock(2).

#include "abi/fcntl.h"
#include "fs/fd_table.h"
#include "fs/locks/file_lock.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/fcntl_calls.h"

namespace syscall {

namespace {

using namespace abi;

/// l_whence, l_start and l_len as bytes of the file. EINVAL, EOVERFLOW.
Result<fs::LockRange> to_range(fs::File& file, const Flock& lock) {
    i64 base = 0;
    switch (lock.l_whence) {
    case 0: break;
    case 1: base = static_cast<i64>(file.position); break;
    case 2: base = static_cast<i64>(file.inode()->size.load()); break;
    default: return EINVAL;
    }
    i64 start, end;
    if (__builtin_add_overflow(base, lock.l_start, &start)) return EOVERFLOW;
    if (__builtin_add_overflow(start, lock.l_len, &end)) return EOVERFLOW;
    if (lock.l_len < 0) std::swap(start, end);
    if (start < 0) return EINVAL;
    return fs::LockRange{.kind = fs::LockKind::Posix,
                         .owner = sched::current().files,
                         .pid = sched::current().tgid,
                         .exclusive = lock.l_type == F_WRLCK,
                         .start = static_cast<u64>(start),
                         .end = lock.l_len == 0 ? fs::LockRange::kToTheEnd : static_cast<u64>(end)};
}

Result<u64> get_lock(fs::File& file, UserPtr<Flock> user) {
    Flock lock = TRY(user.copy_in());
    if (lock.l_type != F_RDLCK && lock.l_type != F_WRLCK) return EINVAL;
    const fs::LockRange wanted = TRY(to_range(file, lock));
    fs::LockRange other{};
    if (fs::find_conflict(*file.inode(), wanted, other)) {
        lock.l_type = other.exclusive ? F_WRLCK : F_RDLCK;
        lock.l_whence = 0;
        lock.l_start = static_cast<i64>(other.start);
        lock.l_len = other.end == fs::LockRange::kToTheEnd ? 0 : i64(other.end - other.start);
        lock.l_pid = other.pid;
    } else {
        lock.l_type = F_UNLCK;
    }
    TRY(user.copy_out(lock));
    return u64{0};
}

Result<u64> set_lock(fs::File& file, UserPtr<Flock> user, bool wait) {
    const Flock lock = TRY(user.copy_in());
    const fs::LockRange wanted = TRY(to_range(file, lock));
    switch (lock.l_type) {
    case F_RDLCK:
        if (!file.may_read()) return EBADF;
        break;
    case F_WRLCK:
        if (!file.may_write()) return EBADF;
        break;
    case F_UNLCK: TRY(fs::clear_lock(*file.inode(), wanted)); return u64{0};
    default: return EINVAL;
    }
    TRY(fs::set_lock(*file.inode(), wanted, wait));
    return u64{0};
}

Result<u64> sys_flock(int fd, int operation) {
    const Ref<fs::File> file = TRY(fs::fget(fd));
    if ((file->flags.load() & O_PATH) || file->inode() == nullptr) return EBADF;
    const fs::LockRange whole{.kind = fs::LockKind::Flock,
                              .owner = file.get(),
                              .pid = sched::current().tgid,
                              .exclusive = (operation & ~LOCK_NB) == LOCK_EX,
                              .start = 0,
                              .end = fs::LockRange::kToTheEnd};
    switch (operation & ~LOCK_NB) {
    case LOCK_UN: fs::release_locks(*file->inode(), fs::LockKind::Flock, file.get()); break;
    case LOCK_SH:
    case LOCK_EX: TRY(fs::set_lock(*file->inode(), whole, !(operation & LOCK_NB))); break;
    default: return EINVAL;
    }
    return u64{0};
}

constexpr Entry kCalls[] = {{73, "flock", call<sys_flock>}};

}  // namespace

Result<u64> lock_fcntl(fs::File& file, int command, u64 argument) {
    if (file.inode() == nullptr) return EINVAL;
    const UserPtr<Flock> user(argument);
    if (command == F_GETLK) return get_lock(file, user);
    return set_lock(file, user, command == F_SETLKW);
}

constinit const std::span<const Entry> kLockCalls = kCalls;

}  // namespace syscall
