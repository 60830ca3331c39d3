/// open(2), fcntl(2) and the *at() calls: flags and commands. Values of Linux x86-64
/// (uapi/asm-generic/fcntl.h, uapi/linux/fcntl.h, uapi/linux/fs.h).
#pragma once

#include <cstdint>

namespace abi {

inline constexpr std::uint32_t O_ACCMODE = 03;
inline constexpr std::uint32_t O_RDONLY = 0;
inline constexpr std::uint32_t O_WRONLY = 01;
inline constexpr std::uint32_t O_RDWR = 02;
inline constexpr std::uint32_t O_CREAT = 0100;
inline constexpr std::uint32_t O_EXCL = 0200;
inline constexpr std::uint32_t O_NOCTTY = 0400;
inline constexpr std::uint32_t O_TRUNC = 01000;
inline constexpr std::uint32_t O_APPEND = 02000;
inline constexpr std::uint32_t O_NONBLOCK = 04000;
inline constexpr std::uint32_t O_DSYNC = 010000;
inline constexpr std::uint32_t FASYNC = 020000;  // O_ASYNC
inline constexpr std::uint32_t O_DIRECT = 040000;
inline constexpr std::uint32_t O_LARGEFILE = 0100000;
inline constexpr std::uint32_t O_DIRECTORY = 0200000;
inline constexpr std::uint32_t O_NOFOLLOW = 0400000;
inline constexpr std::uint32_t O_NOATIME = 01000000;
inline constexpr std::uint32_t O_CLOEXEC = 02000000;
inline constexpr std::uint32_t O_SYNC = 04000000 | O_DSYNC;
inline constexpr std::uint32_t O_PATH = 010000000;
inline constexpr std::uint32_t O_TMPFILE = 020000000 | O_DIRECTORY;

inline constexpr int AT_FDCWD = -100;
inline constexpr std::uint32_t AT_SYMLINK_NOFOLLOW = 0x100;
inline constexpr std::uint32_t AT_EACCESS = 0x200;    // faccessat2
inline constexpr std::uint32_t AT_REMOVEDIR = 0x200;  // unlinkat
inline constexpr std::uint32_t AT_SYMLINK_FOLLOW = 0x400;
inline constexpr std::uint32_t AT_NO_AUTOMOUNT = 0x800;
inline constexpr std::uint32_t AT_EMPTY_PATH = 0x1000;
inline constexpr std::uint32_t AT_STATX_SYNC_TYPE = 0x6000;

inline constexpr int F_DUPFD = 0;
inline constexpr int F_GETFD = 1;
inline constexpr int F_SETFD = 2;
inline constexpr int F_GETFL = 3;
inline constexpr int F_SETFL = 4;
inline constexpr int F_GETLK = 5;
inline constexpr int F_SETLK = 6;
inline constexpr int F_SETLKW = 7;
inline constexpr int F_SETOWN = 8;
inline constexpr int F_GETOWN = 9;
inline constexpr int F_SETSIG = 10;
inline constexpr int F_GETSIG = 11;
inline constexpr int F_SETOWN_EX = 15;
inline constexpr int F_GETOWN_EX = 16;
inline constexpr int F_GETOWNER_UIDS = 17;
inline constexpr int F_SETLEASE = 1024;
inline constexpr int F_GETLEASE = 1025;
inline constexpr int F_NOTIFY = 1026;
inline constexpr int F_DUPFD_CLOEXEC = 1030;
inline constexpr int F_SETPIPE_SZ = 1031;
inline constexpr int F_GETPIPE_SZ = 1032;
inline constexpr int F_ADD_SEALS = 1033;
inline constexpr int F_GET_SEALS = 1034;
inline constexpr int FD_CLOEXEC = 1;

inline constexpr int SEEK_SET = 0;
inline constexpr int SEEK_CUR = 1;
inline constexpr int SEEK_END = 2;
inline constexpr int SEEK_DATA = 3;
inline constexpr int SEEK_HOLE = 4;

// access(2)
inline constexpr std::uint32_t F_OK = 0;
inline constexpr std::uint32_t X_OK = 1;
inline constexpr std::uint32_t W_OK = 2;
inline constexpr std::uint32_t R_OK = 4;

// renameat2(2)
inline constexpr std::uint32_t RENAME_NOREPLACE = 1;
inline constexpr std::uint32_t RENAME_EXCHANGE = 2;
inline constexpr std::uint32_t RENAME_WHITEOUT = 4;

// fcntl(F_SETLK) and flock(2)
inline constexpr std::int16_t F_RDLCK = 0;
inline constexpr std::int16_t F_WRLCK = 1;
inline constexpr std::int16_t F_UNLCK = 2;
inline constexpr int LOCK_SH = 1;
inline constexpr int LOCK_EX = 2;
inline constexpr int LOCK_NB = 4;
inline constexpr int LOCK_UN = 8;

struct Flock {  // struct flock
    std::int16_t l_type;
    std::int16_t l_whence;
    std::int32_t pad0;
    std::int64_t l_start;
    std::int64_t l_len;
    std::int32_t l_pid;
    std::int32_t pad1;
};
static_assert(sizeof(Flock) == 32);

inline constexpr unsigned kPathMax = 4096;  // PATH_MAX: a path name with its NUL

}  // namespace abi
