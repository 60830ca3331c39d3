// Calls on open files: moving bytes and the position. Linux: fs/read_write.c.
#include "abi/ioctl.h"
#include "abi/stat.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"
#include "vm/address_space.h"

namespace syscall {
namespace {

using namespace abi;

Result<u64> sys_read(int fd, u64 buffer, u64 count) {
    auto file = TRY(fget_data(fd));
    TRY(check_user_range(buffer, count));
    IovIter to = IovIter::user(VirtAddr(buffer), std::min(count, kMaxTransfer));
    return u64{TRY(fs::vfs_read(*file, to, nullptr))};
}

Result<u64> sys_write(int fd, u64 buffer, u64 count) {
    auto file = TRY(fget_data(fd));
    TRY(check_user_range(buffer, count));
    IovIter from = IovIter::user(VirtAddr(buffer), std::min(count, kMaxTransfer));
    return after_write(fs::vfs_write(*file, from, nullptr));
}

Result<u64> sys_readv(int fd, UserPtr<const UserIoVec> pieces, u64 count) {
    auto file = TRY(fget_data(fd));
    const auto vector = TRY(UserVector::copy_in(pieces, count));
    IovIter to = vector.iterator();
    return u64{TRY(fs::vfs_read(*file, to, nullptr))};
}

Result<u64> sys_writev(int fd, UserPtr<const UserIoVec> pieces, u64 count) {
    auto file = TRY(fget_data(fd));
    const auto vector = TRY(UserVector::copy_in(pieces, count));
    IovIter from = vector.iterator();
    return after_write(fs::vfs_write(*file, from, nullptr));
}

/// The file of a call that names its own position: EINVAL for a negative one, ESPIPE.
Result<fs::FdFile> fget_seekable(int fd, i64 offset) {
    if (offset < 0) return EINVAL;
    auto file = TRY(fget_data(fd));
    if (file->ops->is_stream()) return ESPIPE;
    return file;
}

Result<u64> sys_pread64(int fd, u64 buffer, u64 count, i64 offset) {
    auto file = TRY(fget_seekable(fd, offset));
    TRY(check_user_range(buffer, count));
    IovIter to = IovIter::user(VirtAddr(buffer), std::min(count, kMaxTransfer));
    u64 at = offset;
    return u64{TRY(fs::vfs_read(*file, to, &at))};
}

Result<u64> sys_pwrite64(int fd, u64 buffer, u64 count, i64 offset) {
    auto file = TRY(fget_seekable(fd, offset));
    TRY(check_user_range(buffer, count));
    IovIter from = IovIter::user(VirtAddr(buffer), std::min(count, kMaxTransfer));
    u64 at = offset;
    return after_write(fs::vfs_write(*file, from, &at));
}

Result<u64> read_vector_at(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset) {
    auto file = TRY(fget_seekable(fd, offset));
    const auto vector = TRY(UserVector::copy_in(pieces, count));
    IovIter to = vector.iterator();
    u64 at = offset;
    return u64{TRY(fs::vfs_read(*file, to, &at))};
}

Result<u64> write_vector_at(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset) {
    auto file = TRY(fget_seekable(fd, offset));
    const auto vector = TRY(UserVector::copy_in(pieces, count));
    IovIter from = vector.iterator();
    u64 at = offset;
    return after_write(fs::vfs_write(*file, from, &at));
}

// The ABI passes the position in two halves; on 64-bit machines the first one holds all of it.
Result<u64> sys_preadv(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset, u64) {
    return read_vector_at(fd, pieces, count, offset);
}
Result<u64> sys_pwritev(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset, u64) {
    return write_vector_at(fd, pieces, count, offset);
}

// preadv2, pwritev2: no RWF_* flag means anything yet; position -1 is the file's own.
Result<u64> sys_preadv2(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset, u64,
                        u32 flags) {
    if (flags) return EOPNOTSUPP;
    return offset == -1 ? sys_readv(fd, pieces, count) : read_vector_at(fd, pieces, count, offset);
}
Result<u64> sys_pwritev2(int fd, UserPtr<const UserIoVec> pieces, u64 count, i64 offset, u64,
                         u32 flags) {
    if (flags) return EOPNOTSUPP;
    return offset == -1 ? sys_writev(fd, pieces, count)
                        : write_vector_at(fd, pieces, count, offset);
}

Result<u64> sys_lseek(int fd, i64 offset, int whence) {
    auto file = TRY(fget_data(fd));
    if (file->ops->is_stream()) return ESPIPE;
    if (whence < SEEK_SET || whence > SEEK_HOLE) return EINVAL;
    return file->ops->seek(*file, offset, whence);
}

/// The requests that every file understands.
Result<u64> sys_ioctl(int fd, u32 command, u64 argument) {
    auto file = TRY(fget_data(fd));
    switch (command) {
    case FIOCLEX: TRY(fs::current_files().set_close_on_exec(fd, true)); return u64{0};
    case FIONCLEX: TRY(fs::current_files().set_close_on_exec(fd, false)); return u64{0};
    case FIONBIO: {
        const int on = TRY(UserPtr<const int>(argument).copy_in());
        if (on) {
            file->flags.fetch_or(O_NONBLOCK, std::memory_order_relaxed);
        } else {
            file->flags.fetch_and(~O_NONBLOCK, std::memory_order_relaxed);
        }
        return u64{0};
    }
    case FIOASYNC: {
        const bool on = TRY(UserPtr<const int>(argument).copy_in()) != 0;
        if (on != !!(file->flags.load() & FASYNC)) TRY(file->ops->fasync(*file, fd, on));
        return u64{0};
    }
    case FIONREAD:
        if (file->inode() && file->inode()->is_regular()) {
            const u64 left = file->inode()->size.load() - file->position;
            TRY(UserPtr<int>(argument).copy_out(static_cast<int>(left)));
            return u64{0};
        }
        break;
    }
    return file->ops->ioctl(*file, command, argument);
}

Result<u64> sys_fsync(int fd) {
    auto file = TRY(fget_data(fd));
    TRY(file->ops->fsync(*file));
    return u64{0};
}

Result<u64> sys_syncfs(int fd) {
    auto file = TRY(fget_data(fd));
    if (!file->path.mount) return u64{0};
    TRY(file->path.mount->super->ops.sync(*file->path.mount->super));
    return u64{0};
}

Result<u64> sys_sync() {
    fs::for_each_mount(
        [](const fs::Mount& mount, void*) { (void)mount.super->ops.sync(*mount.super).ok(); },
        nullptr);
    return u64{0};
}

Result<u64> sys_sync_file_range(int fd, i64 offset, i64 bytes, u32 flags) {
    constexpr u32 kFlags = 7;  // SYNC_FILE_RANGE_*
    auto file = TRY(fget_data(fd));
    if (offset < 0 || bytes < 0 || offset + bytes < offset || (flags & ~kFlags)) return EINVAL;
    if (file->ops->is_stream()) return ESPIPE;
    if (flags) TRY(file->ops->fsync(*file));
    return u64{0};
}

// Advice: nothing is read ahead or dropped yet, but the arguments are checked as Linux does.
Result<u64> sys_fadvise64(int fd, i64, i64 bytes, int advice) {
    auto file = TRY(fget_data(fd));
    if (file->ops->is_stream()) return ESPIPE;
    if (bytes < 0 || advice < 0 || advice > 5) return EINVAL;
    return u64{0};
}

Result<u64> sys_readahead(int fd, i64 offset, u64 bytes) {
    auto file = TRY(fget_data(fd));
    if (!file->may_read()) return EBADF;
    if (!file->inode() || !file->inode()->is_regular()) return EINVAL;
    const u64 size = file->inode()->size.load();
    const u64 end = std::min(u64(offset) + std::min(bytes, u64{1} << 20), size);
    for (u64 index = u64(offset) >> kPageShift; index << kPageShift < end; index++) {
        mm::put_page(*TRY(file->inode()->mapping.read_page(index)));
    }
    return u64{0};
}

constexpr Entry kCalls[] = {
    {0, "read", call<sys_read>},
    {1, "write", call<sys_write>},
    {8, "lseek", call<sys_lseek>},
    {16, "ioctl", call<sys_ioctl>},
    {17, "pread64", call<sys_pread64>},
    {18, "pwrite64", call<sys_pwrite64>},
    {19, "readv", call<sys_readv>},
    {20, "writev", call<sys_writev>},
    {74, "fsync", call<sys_fsync>},
    {75, "fdatasync", call<sys_fsync>},
    {162, "sync", call<sys_sync>},
    {187, "readahead", call<sys_readahead>},
    {221, "fadvise64", call<sys_fadvise64>},
    {277, "sync_file_range", call<sys_sync_file_range>},
    {295, "preadv", call<sys_preadv>},
    {296, "pwritev", call<sys_pwritev>},
    {306, "syncfs", call<sys_syncfs>},
    {327, "preadv2", call<sys_preadv2>},
    {328, "pwritev2", call<sys_pwritev2>},
};

}  // namespace

constinit const std::span<const Entry> kFileCalls = kCalls;

}  // namespace syscall
