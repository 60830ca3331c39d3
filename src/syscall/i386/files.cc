// Calls of i386 about files: structures with words of 32 bits, and offsets in two registers. Linux:
// fs/stat.c (CONFIG_COMPAT), fs/read_write.c, arch/x86/kernel/sys_ia32.c.

#include "abi/time.h"
#include "fs/file.h"
#include "syscall/file/file_args.h"
#include "syscall/i386/compat.h"

namespace syscall {

namespace {

// --- what a file is -----------------------------------------------------------------------------

/// struct stat64 of i386. Words, since the 64-bit fields are not aligned.
struct Stat64 {
    u32 dev[2], pad0, short_ino;
    u32 mode, nlink, uid, gid;
    u32 rdev[2], pad1;
    u32 size[2], blksize, blocks[2];
    u32 atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    u32 ino[2];
};
static_assert(sizeof(Stat64) == 96);

void split(u32 (&to)[2], u64 value) {
    to[0] = u32(value);
    to[1] = u32(value >> 32);
}

Result<void> put_stat(UserPtr<Stat64> at, const abi::Stat& from) {
    Stat64 to{};
    split(to.dev, from.st_dev);
    split(to.rdev, from.st_rdev);
    split(to.size, u64(from.st_size));
    split(to.blocks, u64(from.st_blocks));
    split(to.ino, from.st_ino);
    to.short_ino = u32(from.st_ino);
    to.mode = from.st_mode;
    to.nlink = u32(from.st_nlink);
    to.uid = from.st_uid;
    to.gid = from.st_gid;
    to.blksize = u32(from.st_blksize);
    to.atime = u32(from.st_atime_sec), to.atime_nsec = u32(from.st_atime_nsec);
    to.mtime = u32(from.st_mtime_sec), to.mtime_nsec = u32(from.st_mtime_nsec);
    to.ctime = u32(from.st_ctime_sec), to.ctime_nsec = u32(from.st_ctime_nsec);
    return at.copy_out(to);
}

Result<void> stat64(UserPtr<const char> name, UserPtr<Stat64> at) {
    return put_stat(at, TRY(stat_at(abi::AT_FDCWD, name, 0)));
}
Result<void> lstat64(UserPtr<const char> name, UserPtr<Stat64> at) {
    return put_stat(at, TRY(stat_at(abi::AT_FDCWD, name, abi::AT_SYMLINK_NOFOLLOW)));
}
Result<void> fstat64(int fd, UserPtr<Stat64> at) { return put_stat(at, TRY(stat_fd(fd))); }
Result<void> fstatat64(int dirfd, UserPtr<const char> name, UserPtr<Stat64> at, u32 flags) {
    return put_stat(at, TRY(stat_at(dirfd, name, flags)));
}

// --- reading and writing ------------------------------------------------------------------------

Result<u64> readv(int fd, VirtAddr pieces, u32 count) {
    auto file = TRY(fget_data(fd));
    const auto vector = TRY(UserVector::copy_in_32(pieces, count));
    IovIter to = vector.iterator();
    return u64{TRY(fs::vfs_read(*file, to, nullptr))};
}
Result<u64> writev(int fd, VirtAddr pieces, u32 count) {
    auto file = TRY(fget_data(fd));
    const auto vector = TRY(UserVector::copy_in_32(pieces, count));
    IovIter from = vector.iterator();
    return after_write(fs::vfs_write(*file, from, nullptr));
}

constexpr u16 kPread = 17, kPwrite = 18, kFcntl = 72, kTruncate = 76, kFtruncate = 77;

/// A native call whose last argument is the offset in two registers here.
template <u16 Number, u64 arch::TrapFrame::*Low, u64 arch::TrapFrame::*High>
u64 with_offset(arch::TrapFrame& frame) {
    arch::TrapFrame f = native_frame(frame);
    f.*Low = f.*High << 32 | f.*Low;
    return find(Number)->handler(f);
}

/// All but record locks, whose structure is another one.
u64 fcntl(arch::TrapFrame& frame) {
    constexpr u64 kGetLock64 = 12, kSetLockWait64 = 14, kOfdFirst = 36, kOfdLast = 38;
    arch::TrapFrame f = native_frame(frame);
    const bool is_lock = (f.rsi >= u64{abi::F_GETLK} && f.rsi <= u64{abi::F_SETLKW}) ||
                         (f.rsi >= kGetLock64 && f.rsi <= kSetLockWait64) ||
                         (f.rsi >= kOfdFirst && f.rsi <= kOfdLast);
    return is_lock ? -static_cast<u64>(EINVAL) : find(kFcntl)->handler(f);
}

using arch::TrapFrame;
constexpr Entry kCalls[] = {
    {55, "fcntl", fcntl},
    {145, "readv", call_i386<readv>},
    {146, "writev", call_i386<writev>},
    {180, "pread64", with_offset<kPread, &TrapFrame::r10, &TrapFrame::r8>},
    {181, "pwrite64", with_offset<kPwrite, &TrapFrame::r10, &TrapFrame::r8>},
    {193, "truncate64", with_offset<kTruncate, &TrapFrame::rsi, &TrapFrame::rdx>},
    {194, "ftruncate64", with_offset<kFtruncate, &TrapFrame::rsi, &TrapFrame::rdx>},
    {195, "stat64", call_i386<stat64>},
    {196, "lstat64", call_i386<lstat64>},
    {197, "fstat64", call_i386<fstat64>},
    {221, "fcntl64", fcntl},
    {300, "fstatat64", call_i386<fstatat64>},
};

}  // namespace

constinit const std::span<const Entry> kFileCalls386 = kCalls;

}  // namespace syscall
