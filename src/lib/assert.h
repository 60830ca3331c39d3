/// ASSERT(condition): a kernel bug if it does not hold. Never for anything that a user, a disk
/// or a device can cause: those are errors and have an Errno.
#pragma once

/// Where a check stands; filled in by the caller's default arguments.
struct Here {
    const char* file = __builtin_FILE();
    int line = __builtin_LINE();
    const char* function = __builtin_FUNCTION();
};

/// Reports the failed check and stops the machine (the kernel: core/log/panic.cc) or the test
/// program (the host: tests/host).
[[noreturn]] void assert_failed(const char* what, Here here = Here());

// clang-format off
#define ASSERT(condition)                                          \
    do {                                                           \
        if (!(condition)) [[unlikely]] { assert_failed(#condition); } \
    } while (0)
// clang-format on
