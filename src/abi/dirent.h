/// getdents64(2): the entries of a directory. Layout and values of Linux x86-64
/// (include/linux/dirent.h, include/linux/fs_types.h).
#pragma once

#include <cstdint>

namespace abi {

/// What stands before each name. Records follow each other, each padded to 8 bytes.
struct [[gnu::packed]] Dirent64 {  // struct linux_dirent64
    std::uint64_t d_ino;
    std::int64_t d_off;      // where the next getdents goes on after this entry
    std::uint16_t d_reclen;  // of the whole record
    std::uint8_t d_type;     // DT_*
    // char d_name[], NUL-terminated
};
static_assert(sizeof(Dirent64) == 19);

/// getdents(2): the name follows, and the type stands in the last byte of the record.
struct [[gnu::packed]] DirentOld {  // struct linux_dirent
    std::uint64_t d_ino;
    std::uint64_t d_off;
    std::uint16_t d_reclen;
};
static_assert(sizeof(DirentOld) == 18);

inline constexpr std::uint8_t DT_UNKNOWN = 0;
inline constexpr std::uint8_t DT_FIFO = 1;
inline constexpr std::uint8_t DT_CHR = 2;
inline constexpr std::uint8_t DT_DIR = 4;
inline constexpr std::uint8_t DT_BLK = 6;
inline constexpr std::uint8_t DT_REG = 8;
inline constexpr std::uint8_t DT_LNK = 10;
inline constexpr std::uint8_t DT_SOCK = 12;

/// The entry type of a file with that st_mode: the type bits, moved down.
constexpr std::uint8_t type_of_mode(std::uint32_t mode) { return mode >> 12 & 0xf; }

}  // namespace abi
