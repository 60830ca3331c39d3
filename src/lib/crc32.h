/// CRC-32: the checksum of frames on the serial line (crc32) and of ext4 (crc32c).
///
/// The bytes are the coefficients of a polynomial over GF(2); the checksum is its remainder by a
/// fixed one. It notices every error burst of up to 32 bits. One table lookup per byte.
#pragma once

#include <span>

#include "lib/types.h"

/// For each byte, what it contributes once shifted through: the remainder of byte * x^32, bits
/// reversed, as the polynomial is given.
struct Crc32Table {
    u32 at[256];
};

constexpr Crc32Table crc32_table(u32 polynomial) {
    Crc32Table table{};
    for (u32 byte = 0; byte < 256; byte++) {
        u32 value = byte;
        for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? polynomial : 0);
        table.at[byte] = value;
    }
    return table;
}

template <u32 Polynomial>
inline constexpr Crc32Table kCrc32Table = crc32_table(Polynomial);

template <u32 Polynomial>
constexpr u32 crc32_update(u32 crc, std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) {
        crc = (crc >> 8) ^ kCrc32Table<Polynomial>.at[(crc ^ static_cast<u32>(byte)) & 0xff];
    }
    return crc;
}

/// CRC-32 of zlib, Ethernet and gzip (IEEE 802.3). To continue over more bytes, pass the result of
/// those before as `before`.
constexpr u32 crc32(std::span<const std::byte> bytes, u32 before = 0) {
    return ~crc32_update<0xedb88320>(~before, bytes);
}

/// CRC-32C (Castagnoli) as ext4 uses it: without the inversions before and after, which are the
/// caller's: the usual checksum is ~crc32c(~0u, bytes). Linux: crc32c().
constexpr u32 crc32c(u32 crc, std::span<const std::byte> bytes) {
    return crc32_update<0x82f63b78>(crc, bytes);
}
