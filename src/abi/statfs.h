/// statfs(2): how full a file system is, and what kind it is. Layout and values of Linux x86-64
/// (uapi/asm-generic/statfs.h, uapi/linux/magic.h).
#pragma once

#include <cstdint>

namespace abi {

struct StatFs {  // struct statfs
    std::int64_t f_type;
    std::int64_t f_bsize;   // the unit of the counts below
    std::int64_t f_blocks;  // 0: unlimited, or not a matter of blocks
    std::int64_t f_bfree;
    std::int64_t f_bavail;
    std::int64_t f_files;
    std::int64_t f_ffree;
    std::int32_t f_fsid[2];
    std::int64_t f_namelen;
    std::int64_t f_frsize;
    std::int64_t f_flags;  // ST_*
    std::int64_t f_spare[4];
};
static_assert(sizeof(StatFs) == 120);

inline constexpr std::int64_t ST_RDONLY = 0x1;
inline constexpr std::int64_t ST_NOSUID = 0x2;
inline constexpr std::int64_t ST_NODEV = 0x4;
inline constexpr std::int64_t ST_NOEXEC = 0x8;
inline constexpr std::int64_t ST_SYNCHRONOUS = 0x10;
inline constexpr std::int64_t ST_VALID = 0x20;  // f_flags means something
inline constexpr std::int64_t ST_NOATIME = 0x400;
inline constexpr std::int64_t ST_NODIRATIME = 0x800;
inline constexpr std::int64_t ST_RELATIME = 0x1000;

inline constexpr std::uint64_t TMPFS_MAGIC = 0x0102'1994;
inline constexpr std::uint64_t RAMFS_MAGIC = 0x8584'58f6;
inline constexpr std::uint64_t PROC_SUPER_MAGIC = 0x9fa0;
inline constexpr std::uint64_t SYSFS_MAGIC = 0x6265'6572;
inline constexpr std::uint64_t TRACEFS_MAGIC = 0x7472'6163;
inline constexpr std::uint64_t DEBUGFS_MAGIC = 0x6462'6720;
inline constexpr std::uint64_t DEVPTS_SUPER_MAGIC = 0x1cd1;
inline constexpr std::uint64_t EXT4_SUPER_MAGIC = 0xef53;
inline constexpr std::uint64_t PIPEFS_MAGIC = 0x5049'5045;
inline constexpr std::uint64_t ANON_INODE_FS_MAGIC = 0x0904'1934;

}  // namespace abi
