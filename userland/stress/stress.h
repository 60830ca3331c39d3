/* stress: everything that makes, stops, wakes, places and ends tasks, all at once.
 *
 * A supervisor forks workers, some of each kind. A worker does one round of its kind after the
 * other; a round makes whatever processes, threads and objects it wants, checks that nothing was
 * lost, and leaves nothing behind. All that a round draws follows from the seed, its kind, the
 * worker's number and its own; how it interleaves with the others does not. */
#ifndef VITRINE_STRESS_H
#define VITRINE_STRESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chance.h"

/* --- kinds: one file each ----------------------------------------------------------------------
 */

struct kind {
    const char* name;
    void (*round)(struct chance* from);
    const char* what; /* for the help text */
};
extern const struct kind kTrees, kFutexes, kConditions, kRings, kSignals, kStops, kEvents, kThreads,
    kPlaces, kMappings;

/* The child of trees.c that came by exec; does not return. */
_Noreturn void trees_leaf(int code);

/* --- what a round may use: worker.c --------------------------------------------------------------
 */

/* What worker and supervisor both see. */
struct board {
    volatile uint64_t round;      /* the one that is being done */
    volatile uint64_t operations; /* in all rounds */
    volatile int failed;
    char complaint[200];
};
/* The board of this process' worker. */
extern struct board* own_board;

/* Adds to what the worker has done; what is counted is progress, and puts off the charge of a hang.
 */
void did(unsigned operations);
/* Ends the worker with its complaint: an invariant does not hold. From any of its tasks. */
_Noreturn void lost(const char* file, int line, const char* what, long got, long wanted);

#define DEMAND(condition)                                                 \
    do {                                                                  \
        if (!(condition)) lost(__FILE__, __LINE__, #condition, errno, 0); \
    } while (0)
#define DEMAND_EQUAL(got, wanted)                                                          \
    do {                                                                                   \
        const long got_ = (long)(got), wanted_ = (long)(wanted);                           \
        if (got_ != wanted_) lost(__FILE__, __LINE__, #got " == " #wanted, got_, wanted_); \
    } while (0)

/* A child, in the worker's process group; must succeed. */
pid_t fork_child(void);
/* Waits for `child`, which must exit with `code`. */
void expect_exit(pid_t child, int code);
/* `bytes` zeroed bytes that forked children share; given back by munmap. */
void* share(size_t bytes);
/* The i-th of the processors this process may run on at the start, counted modulo their number. */
int processor(unsigned i);

/* Runs rounds from `first` on until `*stop`, `rounds` at most (0: any number); does not return. */
struct work {
    const struct kind* kind;
    unsigned number; /* of the worker among those of its kind */
    uint64_t seed, first, rounds;
    volatile int* stop;
    struct board* board;
};
_Noreturn void work(const struct work* work);

#endif
