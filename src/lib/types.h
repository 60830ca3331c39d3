/// The integer types that the whole kernel is written in, and the page size.
#pragma once

#include <cstddef>
#include <cstdint>

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using usize = std::size_t;
using isize = std::ptrdiff_t;

// unsigned long and unsigned long long are both 64 bits wide; the kernel uses the first.
static_assert(sizeof(u64) == 8 && sizeof(void*) == 8);

inline constexpr unsigned kPageShift = 12;
inline constexpr usize kPageSize = usize{1} << kPageShift;

/// `value` rounded up, or down, to a multiple of `unit`, which is a power of two.
constexpr u64 align_up(u64 value, u64 unit) { return (value + unit - 1) & ~(unit - 1); }
constexpr u64 align_down(u64 value, u64 unit) { return value & ~(unit - 1); }
constexpr bool is_aligned(u64 value, u64 unit) { return (value & (unit - 1)) == 0; }
