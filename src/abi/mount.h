/// mount(2) and umount2(2): flags. Values of Linux (uapi/linux/mount.h).
#pragma once

#include <cstdint>

namespace abi {

inline constexpr std::uint32_t MS_RDONLY = 1 << 0;
inline constexpr std::uint32_t MS_NOSUID = 1 << 1;
inline constexpr std::uint32_t MS_NODEV = 1 << 2;
inline constexpr std::uint32_t MS_NOEXEC = 1 << 3;
inline constexpr std::uint32_t MS_SYNCHRONOUS = 1 << 4;
inline constexpr std::uint32_t MS_REMOUNT = 1 << 5;
inline constexpr std::uint32_t MS_MANDLOCK = 1 << 6;
inline constexpr std::uint32_t MS_DIRSYNC = 1 << 7;
inline constexpr std::uint32_t MS_NOSYMFOLLOW = 1 << 8;
inline constexpr std::uint32_t MS_NOATIME = 1 << 10;
inline constexpr std::uint32_t MS_NODIRATIME = 1 << 11;
inline constexpr std::uint32_t MS_BIND = 1 << 12;
inline constexpr std::uint32_t MS_MOVE = 1 << 13;
inline constexpr std::uint32_t MS_REC = 1 << 14;
inline constexpr std::uint32_t MS_SILENT = 1 << 15;
inline constexpr std::uint32_t MS_POSIXACL = 1 << 16;
inline constexpr std::uint32_t MS_UNBINDABLE = 1 << 17;
inline constexpr std::uint32_t MS_PRIVATE = 1 << 18;
inline constexpr std::uint32_t MS_SLAVE = 1 << 19;
inline constexpr std::uint32_t MS_SHARED = 1 << 20;
inline constexpr std::uint32_t MS_RELATIME = 1 << 21;
inline constexpr std::uint32_t MS_STRICTATIME = 1 << 24;
inline constexpr std::uint32_t MS_LAZYTIME = 1 << 25;
inline constexpr std::uint32_t MS_MGC_VAL = 0xc0ed'0000;  // ancient programs set this half
inline constexpr std::uint32_t MS_MGC_MSK = 0xffff'0000;

inline constexpr std::uint32_t MNT_FORCE = 1;
inline constexpr std::uint32_t MNT_DETACH = 2;
inline constexpr std::uint32_t MNT_EXPIRE = 4;
inline constexpr std::uint32_t UMOUNT_NOFOLLOW = 8;

}  // namespace abi
