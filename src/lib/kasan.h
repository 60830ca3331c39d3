/// KASAN: whether every access to memory is checked, `make KASAN=1 kernel`, and what code says to
/// it that the compiler does not instrument. In other builds all this is nothing at all.
///
/// The compiler puts a check before each load and store. What may be accessed stands in the shadow:
/// one byte for each 8 bytes of the kernel's addresses. core/kasan/README.md tells the rest.
#pragma once

#include "lib/types.h"

#ifdef KASAN
inline constexpr bool kKasan = true;
#else
inline constexpr bool kKasan = false;
#endif

namespace kasan {

enum class Kind : u8 { Read, Write };

/// core/kasan defines it: reports what may not be accessed; `caller` is blamed.
void check_range(const void* at, usize bytes, Kind kind, u64 caller);

/// Before assembly that reads or writes on behalf of C++.
[[gnu::always_inline]] inline void note_read([[maybe_unused]] const void* at,
                                             [[maybe_unused]] usize bytes) {
    if constexpr (kKasan) {
        check_range(at, bytes, Kind::Read, reinterpret_cast<u64>(__builtin_return_address(0)));
    }
}
[[gnu::always_inline]] inline void note_write([[maybe_unused]] const void* at,
                                              [[maybe_unused]] usize bytes) {
    if constexpr (kKasan) {
        check_range(at, bytes, Kind::Write, reinterpret_cast<u64>(__builtin_return_address(0)));
    }
}

}  // namespace kasan
