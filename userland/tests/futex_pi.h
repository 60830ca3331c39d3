/* Locks with priority inheritance by their bare system calls, and threads that wait for them. */
#ifndef VITRINE_FUTEX_PI_H
#define VITRINE_FUTEX_PI_H

#include "tests/check.h"

#include <pthread.h>
#include <time.h>

/* linux/futex.h, which musl does not bring */
enum {
    FUTEX_WAIT,
    FUTEX_WAKE,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI,
    FUTEX_TRYLOCK_PI,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI2,
    FUTEX_PRIVATE = 128,
    FUTEX_CLOCK_REALTIME = 256
};
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

typedef _Atomic uint32_t word_t;

#define futex(...) syscall(SYS_futex, __VA_ARGS__)

static inline long lock_pi(word_t* word) { return futex(word, FUTEX_LOCK_PI, 0, NULL); }
static inline long trylock_pi(word_t* word) { return futex(word, FUTEX_TRYLOCK_PI, 0); }
/* EAGAIN: the word changed meanwhile, since somebody was about to wait; Linux leaves trying again
 * to us. */
static inline long unlock_pi(word_t* word) {
    long result;
    do result = futex(word, FUTEX_UNLOCK_PI, 0);
    while (result == -1 && errno == EAGAIN);
    return result;
}

static inline uint32_t self(void) { return (uint32_t)syscall(SYS_gettid); }

/* A point of time that is `ms` away, on that clock. */
static inline struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec at;
    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
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

/* A thread that takes a lock in the kernel, and keeps it until it is told to let go. */
struct locker {
    word_t* word;
    word_t tid, has_it, may_go;
    long result;
    int error;
    pthread_t thread;
    int (*lock)(struct locker*); /* null: lock_pi() */
};

static void* locker_main(void* argument) {
    struct locker* me = argument;
    me->tid = self();
    me->result = me->lock ? me->lock(me) : lock_pi(me->word);
    me->error = errno;
    me->has_it = 1;
    UNTIL(me->may_go);
    if (me->result == 0) CHECK_EQ(unlock_pi(me->word), 0);
    return NULL;
}
static inline void start_locker(struct locker* who) {
    NEED(pthread_create(&who->thread, NULL, locker_main, who) == 0);
    UNTIL(who->tid != 0);
}
/* … and is seen to wait. */
static inline void start_waiter(struct locker* who) {
    start_locker(who);
    UNTIL(*who->word & FUTEX_WAITERS);
    UNTIL(stat_field(who->tid, 3) == 'S');
}
static inline void end_locker(struct locker* who) {
    who->may_go = 1;
    NEED(pthread_join(who->thread, NULL) == 0);
}

#endif
