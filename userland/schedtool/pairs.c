/* Wakes and sleeps in pairs: of N threads N/2 are ready at any time, whatever the scheduler does.
 * Each sleeps in an eventfd of its own: futexes would meet in hash buckets, by chance. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schedtool/schedtool.h"

enum { MAX_THREADS = 900 };

struct seat {
    int turn; /* an eventfd; readable when it is this one's turn */
    int others;
    unsigned steps;
    int failed;
};

static uint64_t start; /* when all begin */

static void* play(void* argument) {
    struct seat* const self = argument;
    sleep_until_ns(start);
    for (unsigned i = 0; i < self->steps; i++) {
        uint64_t word = 0;
        self->failed |= read(self->turn, &word, sizeof word) != sizeof word;
        word = 1;
        self->failed |= write(self->others, &word, sizeof word) != sizeof word;
    }
    return NULL;
}

/* What one game takes, ns; 0: it could not be played. */
static uint64_t one_game(struct seat* seats, unsigned threads, unsigned steps) {
    static pthread_t ids[MAX_THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16 * 1024);
    start = common_moment(100000000); /* by then all are there */
    for (unsigned i = 0; i < threads; i++) {
        seats[i].steps = steps;
        if (pthread_create(&ids[i], &attributes, play, &seats[i]) != 0) return 0;
    }
    int failed = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        failed |= seats[i].failed;
    }
    return failed ? 0 : now_ns() - start;
}

/* The least of several games: in the others something came between. */
int run_pairs(unsigned threads, unsigned steps) {
    if (threads == 0 || threads % 2 != 0 || threads > MAX_THREADS) return 64;
    const uint64_t here = 1;
    syscall(SYS_sched_setaffinity, 0, sizeof here, &here);
    static struct seat seats[MAX_THREADS];
    for (unsigned i = 0; i < threads; i++) {
        seats[i].turn = seats[i ^ 1].others = eventfd(i % 2 == 0, 0);
        if (seats[i].turn < 0) return 2;
    }
    uint64_t least = ~0ull;
    for (unsigned game = 0; game < 6; game++) {
        const uint64_t took = one_game(seats, threads, steps);
        if (took == 0) return 3;
        if (took < least) least = took;
    }
    const uint64_t words[2] = {least, (uint64_t)threads * steps};
    return write_all(words, sizeof words);
}
