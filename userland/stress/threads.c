/* pthread_create, join, detach; threads that exit while others start; results and thread-local
 * variables stay their own. */
#include "stress/stress.h"

#include <pthread.h>

#define MOST 24

static __thread uintptr_t own;
static unsigned detached;

static void* remember(void* argument) {
    own = (uintptr_t)argument;
    for (unsigned i = 0; i < own % 5; i++) {
        nanosleep(&(struct timespec){0, (long)(own % 100) * 1000}, NULL);
        DEMAND_EQUAL(own, (uintptr_t)argument);
    }
    if (own % 3 == 0) pthread_exit((void*)(own * 2));
    return (void*)(own * 2);
}

static void* go_unseen(void* unused) {
    __atomic_sub_fetch(&detached, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void start_detached(void) {
    pthread_t thread;
    int result;
    __atomic_add_fetch(&detached, 1, __ATOMIC_SEQ_CST);
    while ((result = pthread_create(&thread, NULL, go_unseen, NULL)) == EAGAIN) continue;
    DEMAND_EQUAL(result, 0);
    DEMAND_EQUAL(pthread_detach(thread), 0);
}

static void make_threads(struct chance* from) {
    pthread_t thread[MOST];
    uintptr_t number[MOST];
    const unsigned count = 1 + below(from, MOST);
    for (unsigned i = 0; i < count; i++) {
        number[i] = below(from, 1 << 20);
        DEMAND_EQUAL(pthread_create(&thread[i], NULL, remember, (void*)number[i]), 0);
        if (number[i] % 4 == 0) start_detached();
    }
    for (unsigned i = 0; i < count; i++) {
        void* result = NULL;
        DEMAND_EQUAL(pthread_join(thread[i], &result), 0);
        DEMAND_EQUAL(result, number[i] * 2);
    }
    did(count);
}

/* In a process of its own every other time, which ends with exit_group while threads still run. */
static void threads_round(struct chance* from) {
    if (below(from, 2)) {
        const pid_t child = fork_child();
        if (child == 0) {
            make_threads(from);
            pthread_t thread;
            for (unsigned i = below(from, 8); i > 0; i--) {
                DEMAND_EQUAL(pthread_create(&thread, NULL, remember, (void*)99999ul), 0);
            }
            _exit(5);
        }
        expect_exit(child, 5);
        return;
    }
    make_threads(from);
    while (__atomic_load_n(&detached, __ATOMIC_SEQ_CST)) {
        nanosleep(&(struct timespec){0, 50000}, NULL);
    }
}

const struct kind kThreads = {"threads", threads_round,
                              "pthread_create, join, detach, and exit with threads running"};
