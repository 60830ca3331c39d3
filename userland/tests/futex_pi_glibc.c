/* glibc's mutexes with PTHREAD_PRIO_INHERIT, which are the users of the calls that futex_pi.c makes
 * by hand: plain, error-checking, recursive, robust, with a time limit, and with a condition
 * variable. (Built with glibc, as the name says to userland.mk.) */
#include "tests/check.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t mutex;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter, turn;

static void init_mutex(int type, int robustness) {
    pthread_mutexattr_t attr;
    NEED(pthread_mutexattr_init(&attr) == 0);
    NEED(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0);
    NEED(pthread_mutexattr_settype(&attr, type) == 0);
    NEED(pthread_mutexattr_setrobust(&attr, robustness) == 0);
    NEED(pthread_mutex_init(&mutex, &attr) == 0);
}

enum { kThreads = 4, kRounds = 3000 };
static void* count(void* argument) {
    for (int i = 0; i < kRounds; i++) {
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
        counter++;
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    return argument;
}
static void run_threads(void* (*body)(void*)) {
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; i++) {
        NEED(pthread_create(&threads[i], NULL, body, (void*)i) == 0);
    }
    for (int i = 0; i < kThreads; i++) NEED(pthread_join(threads[i], NULL) == 0);
}
static void one_at_a_time(void) {
    init_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    run_threads(count);
    CHECK_EQ(counter, kThreads * kRounds);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

static void error_checking_and_recursive(void) {
    init_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    init_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    for (int i = 0; i < 3; i++) CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
}

static void* lock_in_vain(void* argument) {
    struct timespec soon;
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT);
    return argument;
}
static void time_limit(void) {
    pthread_t thread;
    init_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    NEED(pthread_create(&thread, NULL, lock_in_vain, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void* take_turns(void* argument) {
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
        while (turn % kThreads != (long)argument) pthread_cond_wait(&changed, &mutex);
        turn++;
        pthread_cond_broadcast(&changed);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    return NULL;
}
static void condition_variable(void) {
    init_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    run_threads(take_turns);
    CHECK_EQ(turn, kThreads * 100);
}

/* The holder ends: before anybody wants the mutex, and while somebody waits. */
static volatile int is_held;
static void* die_with_it(void* delay) {
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    is_held = 1;
    usleep((useconds_t)(long)delay);
    return NULL;
}
static void robust(void) {
    for (long delay = 0; delay <= 50000; delay += 50000) {
        pthread_t thread;
        is_held = 0;
        init_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
        NEED(pthread_create(&thread, NULL, die_with_it, (void*)delay) == 0);
        while (!is_held) usleep(1000);
        if (delay == 0) NEED(pthread_join(thread, NULL) == 0);
        CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
        CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
        if (delay != 0) NEED(pthread_join(thread, NULL) == 0);
    }
    /* Not made consistent: of no use any more. */
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, die_with_it, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(one_at_a_time), CASE(error_checking_and_recursive),
                                          CASE(time_limit), CASE(condition_variable), CASE(robust),
                                          END});
}
