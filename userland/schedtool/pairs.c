/* Wakes and sleeps in pairs: of N threads N/2 are ready at any time, whatever the scheduler does.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schedtool/schedtool.h"

struct seat {
    _Alignas(64) _Atomic uint32_t turn;
    struct seat* other;
    unsigned steps;
};

enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };

static _Atomic uint32_t gate;

static void futex_wait(_Atomic uint32_t* word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void futex_wake(_Atomic uint32_t* word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void* play(void* argument) {
    struct seat* const self = argument;
    while (atomic_load(&gate) == 0) futex_wait(&gate, 0);
    for (unsigned i = 0; i < self->steps; i++) {
        while (atomic_load(&self->turn) == 0) futex_wait(&self->turn, 0);
        atomic_store(&self->turn, 0);
        atomic_store(&self->other->turn, 1);
        futex_wake(&self->other->turn, 1);
    }
    return NULL;
}

int run_pairs(unsigned threads, unsigned steps) {
    if (threads == 0 || threads % 2 != 0 || threads > 4096) return 64;
    const uint64_t here = 1;
    syscall(SYS_sched_setaffinity, 0, sizeof here, &here);
    struct seat* const seats = aligned_alloc(64, threads * sizeof *seats);
    pthread_t* const ids = calloc(threads, sizeof *ids);
    if (seats == NULL || ids == NULL) return 2;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16 * 1024);
    for (unsigned i = 0; i < threads; i++) {
        atomic_store(&seats[i].turn, i % 2 == 0);
        seats[i].other = &seats[i ^ 1];
        seats[i].steps = steps;
        if (pthread_create(&ids[i], &attributes, play, &seats[i]) != 0) return 2;
    }
    usleep(20000); /* all wait at the gate */
    const uint64_t start = now_ns();
    atomic_store(&gate, 1);
    futex_wake(&gate, (int)threads);
    for (unsigned i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    const uint64_t words[2] = {now_ns() - start, (uint64_t)threads * steps};
    return write_all(words, sizeof words);
}
