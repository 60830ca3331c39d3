/// stat(2) and its relatives: what a file's inode tells user space, and the bits of st_mode.
/// Layouts and values of Linux x86-64 (arch/x86/include/uapi/asm/stat.h, uapi/linux/stat.h).
///
/// No structure here has padding: what crosses the user boundary is all named, so no byte of the
/// kernel's stack can travel with it.
#pragma once

#include <cstdint>

namespace abi {

inline constexpr std::uint32_t S_IFMT = 0170000;  // the type of a file, within its mode
inline constexpr std::uint32_t S_IFSOCK = 0140000;
inline constexpr std::uint32_t S_IFLNK = 0120000;
inline constexpr std::uint32_t S_IFREG = 0100000;
inline constexpr std::uint32_t S_IFBLK = 0060000;
inline constexpr std::uint32_t S_IFDIR = 0040000;
inline constexpr std::uint32_t S_IFCHR = 0020000;
inline constexpr std::uint32_t S_IFIFO = 0010000;
inline constexpr std::uint32_t S_ISUID = 04000;
inline constexpr std::uint32_t S_ISGID = 02000;
inline constexpr std::uint32_t S_ISVTX = 01000;  // sticky: only owners remove entries
inline constexpr std::uint32_t S_IRWXU = 0700, S_IRUSR = 0400, S_IWUSR = 0200, S_IXUSR = 0100;
inline constexpr std::uint32_t S_IRWXG = 0070, S_IRGRP = 0040, S_IWGRP = 0020, S_IXGRP = 0010;
inline constexpr std::uint32_t S_IRWXO = 0007, S_IROTH = 0004, S_IWOTH = 0002, S_IXOTH = 0001;
inline constexpr std::uint32_t S_IALLUGO = 07777;  // all that chmod(2) can change

struct Stat {  // struct stat
    std::uint64_t st_dev;
    std::uint64_t st_ino;
    std::uint64_t st_nlink;
    std::uint32_t st_mode;
    std::uint32_t st_uid;
    std::uint32_t st_gid;
    std::uint32_t pad0;
    std::uint64_t st_rdev;
    std::int64_t st_size;
    std::int64_t st_blksize;
    std::int64_t st_blocks;  // of 512 bytes
    std::uint64_t st_atime_sec, st_atime_nsec;
    std::uint64_t st_mtime_sec, st_mtime_nsec;
    std::uint64_t st_ctime_sec, st_ctime_nsec;
    std::int64_t unused[3];
};
static_assert(sizeof(Stat) == 144);

struct StatxTimestamp {  // struct statx_timestamp
    std::int64_t tv_sec;
    std::uint32_t tv_nsec;
    std::int32_t reserved;
};

struct Statx {  // struct statx
    std::uint32_t stx_mask;
    std::uint32_t stx_blksize;
    std::uint64_t stx_attributes;
    std::uint32_t stx_nlink;
    std::uint32_t stx_uid;
    std::uint32_t stx_gid;
    std::uint16_t stx_mode;
    std::uint16_t pad0;
    std::uint64_t stx_ino;
    std::uint64_t stx_size;
    std::uint64_t stx_blocks;
    std::uint64_t stx_attributes_mask;
    StatxTimestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
    std::uint32_t stx_rdev_major, stx_rdev_minor;
    std::uint32_t stx_dev_major, stx_dev_minor;
    std::uint64_t stx_mnt_id;
    std::uint32_t stx_dio_mem_align, stx_dio_offset_align;
    std::uint64_t spare[12];
};
static_assert(sizeof(Statx) == 256);

// Which fields of Statx are wanted, and on the way back which are filled in.
inline constexpr std::uint32_t STATX_TYPE = 0x1;
inline constexpr std::uint32_t STATX_MODE = 0x2;
inline constexpr std::uint32_t STATX_NLINK = 0x4;
inline constexpr std::uint32_t STATX_UID = 0x8;
inline constexpr std::uint32_t STATX_GID = 0x10;
inline constexpr std::uint32_t STATX_ATIME = 0x20;
inline constexpr std::uint32_t STATX_MTIME = 0x40;
inline constexpr std::uint32_t STATX_CTIME = 0x80;
inline constexpr std::uint32_t STATX_INO = 0x100;
inline constexpr std::uint32_t STATX_SIZE = 0x200;
inline constexpr std::uint32_t STATX_BLOCKS = 0x400;
inline constexpr std::uint32_t STATX_BASIC_STATS = 0x7ff;
inline constexpr std::uint32_t STATX_BTIME = 0x800;
inline constexpr std::uint32_t STATX_MNT_ID = 0x1000;
inline constexpr std::uint32_t STATX__RESERVED = 0x8000'0000;
inline constexpr std::uint64_t STATX_ATTR_MOUNT_ROOT = 0x2000;

// tv_nsec of utimensat(2): the current time; leave this one alone.
inline constexpr std::int64_t UTIME_NOW = (1l << 30) - 1;
inline constexpr std::int64_t UTIME_OMIT = (1l << 30) - 2;

}  // namespace abi
