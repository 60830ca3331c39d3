/* futex(2) without a library: the call, its words, and seeing that a thread waits. */
#ifndef VITRINE_FUTEX_H
#define VITRINE_FUTEX_H

#include "tests/clock_util.h"

/* linux/futex.h, which musl does not bring */
enum {
    FUTEX_WAIT,
    FUTEX_WAKE,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE,
    FUTEX_WAKE_OP,
    FUTEX_LOCK_PI,
    FUTEX_UNLOCK_PI,
    FUTEX_TRYLOCK_PI,
    FUTEX_WAIT_BITSET,
    FUTEX_WAKE_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI2,
    FUTEX_PRIVATE = 128,
    FUTEX_CLOCK_REALTIME = 256
};

typedef _Atomic uint32_t word_t;

#define futex(...) syscall(SYS_futex, __VA_ARGS__)

static inline uint32_t self(void) { return (uint32_t)syscall(SYS_gettid); }

/* A point of time that is `ms` away, on that clock. */
static inline struct timespec in_ms(clockid_t clock, long ms) {
    return spec_of(read_ns(clock) + ms * MS);
}

static inline void nap(void) { usleep(1000); }
/* Waits, with an alarm as the limit. */
#define UNTIL(condition)            \
    do {                            \
        while (!(condition)) nap(); \
    } while (0)

/* Fields of /proc/self/task/<tid>/stat: 3 is the state, 18 the priority that counts now. */
static inline long stat_field(uint32_t tid, int number) {
    char name[64], text[512] = "";
    snprintf(name, sizeof name, "/proc/self/task/%u/stat", tid);
    int fd = open(name, O_RDONLY);
    NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    char* at = strrchr(text, ')');
    NEED(at);
    for (int i = 2; i < number; i++) at = strchr(at, ' ') + 1;
    return number == 3 ? *at : atol(at);
}

#endif
