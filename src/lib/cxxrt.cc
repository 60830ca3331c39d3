/// What g++ and libstdc++ expect of a run-time library, as far as the kernel has it.
///
/// Deliberately absent, so that their use fails to link: `operator new` (memory comes from
/// make<T>() and the allocators), __cxa_atexit (a global must not need destruction) and
/// __cxa_guard_* (a function-local static must be a constant).
#include <new>

#include "lib/assert.h"
#include "lib/types.h"

namespace std {

/// string_view::substr or copy starts behind the end.
[[noreturn]] void __throw_out_of_range_fmt(const char* format, ...);

/// A bounds check of span, array, optional or string_view failed (-D_GLIBCXX_ASSERTIONS).
void __glibcxx_assert_fail(const char* file, int line, const char* function,
                           const char* condition) noexcept {
    assert_failed(condition ? condition : "unreachable code",
                  {file ? file : "?", line, function ? function : "?"});
}

void __throw_out_of_range_fmt(const char* format, ...) { assert_failed(format); }

}  // namespace std

extern "C" {

/// In the table of a class under construction: its virtual function has no body yet.
[[noreturn]] void __cxa_pure_virtual();
void __cxa_pure_virtual() { assert_failed("pure virtual function called"); }

/// The number of set bits, for CPUs without POPCNT (we do not ask for it): sums of neighbours
/// in fields of 2, then 4, then 8 bits; the multiplication adds up the eight bytes.
int __popcountdi2(i64 value);
int __popcountdi2(i64 value) {
    constexpr u64 kPairs = 0x5555555555555555, kNibbles = 0x3333333333333333;
    constexpr u64 kBytes = 0x0f0f0f0f0f0f0f0f, kOnes = 0x0101010101010101;
    u64 sums = static_cast<u64>(value);
    sums -= (sums >> 1) & kPairs;
    sums = (sums & kNibbles) + ((sums >> 2) & kNibbles);
    sums = (sums + (sums >> 4)) & kBytes;
    return static_cast<int>((sums * kOnes) >> 56);
}

}  // extern "C"

// A virtual destructor refers to these. Nothing may come here: objects are destroyed through
// Own<T> and Ref<T>, which know where their memory came from.
void operator delete(void*) noexcept { assert_failed("operator delete"); }
void operator delete(void*, usize) noexcept { assert_failed("operator delete"); }
void operator delete(void*, std::align_val_t) noexcept;
void operator delete(void*, std::align_val_t) noexcept { assert_failed("operator delete"); }
void operator delete(void*, usize, std::align_val_t) noexcept;
void operator delete(void*, usize, std::align_val_t) noexcept { assert_failed("operator delete"); }
