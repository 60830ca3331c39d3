/// ASSERT(condition): a kernel bug if it does not hold. Never for anything that a user, a disk
/// or a device can cause: those are errors and have an Errno.
#pragma once

/// Where a check stands. `Here here = Here::current()` as a default argument is the caller's place.
struct Here {
    const char* file;
    int line;
    const char* function;

    static constexpr Here current(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                  const char* function = __builtin_FUNCTION()) {
        return {file, line, function};
    }
};

/// Reports the failed check and stops the machine (the kernel: core/log/panic.cc) or the test
/// program (the host: tests/host).
[[noreturn]] void assert_failed(const char* what, Here here = Here::current());

// clang-format off
#define ASSERT(condition)                                          \
    do {                                                           \
        if (!(condition)) [[unlikely]] { assert_failed(#condition); } \
    } while (0)
// clang-format on
