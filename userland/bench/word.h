/// Waiting for a word to change, by futex, within a process.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kFutexWaitPrivate = 128, kFutexWakePrivate = 129 };  // linux/futex.h, which musl has not

/// Sleeps if the word still is `value`; also returns for no reason.
static inline void sleep_while(const uint32_t* word, uint32_t value) {
    syscall(SYS_futex, word, kFutexWaitPrivate, value, NULL, NULL, 0);
}
/// Wakes up to `most` who sleep on it.
static inline void wake(const uint32_t* word, int most) {
    syscall(SYS_futex, word, kFutexWakePrivate, most, NULL, NULL, 0);
}
