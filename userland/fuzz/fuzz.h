/* fuzz: system calls with bad arguments, by the million, from several threads at once.
 *
 * A supervisor forks one worker after the other. A worker is a process with some threads that make
 * calls, one that pulls memory from under them, and a directory of its own; whatever happens to it
 * is its own affair. What the supervisor looks at is the kernel: it must not panic, not hang, and
 * when all workers have gone it must own as many pages, slab objects and tasks as before. */
#ifndef VITRINE_FUZZ_H
#define VITRINE_FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "chance.h"
#include "holdings/holdings.h"

#define MAX_THREADS 8
#define CALL_NUMBERS 512
#define UNPRIVILEGED 65534

/* --- what is called: calls.c ---------------------------------------------------------------------
 */

/* One letter for each argument, as good_value() reads them; missing ones are whatever comes. */
struct call {
    short number;
    bool only_self;   /* as root it could end the session: made by unprivileged workers only */
    const char* name; /* for reports */
    const char* arguments;
};
/* The number of calls, and one of them: those that are written down, then all other numbers. */
unsigned call_count(void);
struct call call_at(unsigned index);

/* --- arguments: values.c
 * -------------------------------------------------------------------------- */

#define PAGE 4096ul
#define PLAYGROUND_PAGES 16

/* What the threads of a worker share: memory to point at, and the open files. */
struct ground {
    char* play;      /* PLAYGROUND_PAGES pages, writable; calls may unmap them */
    char* read_only; /* one page, then an unmapped one */
    char* racing;    /* one page that comes and goes */
    int files[16];
    unsigned file_count;
};
/* `pages` pages with inaccessible ones around them; NULL: no memory. */
char* map_fenced(size_t pages, int protection);
/* Fills the ground, in the current directory. False: no memory or no files. */
bool lay_ground(struct ground* ground);
/* The racing page: taken away, or put back. */
void pull_page(struct ground* ground);
void put_page(struct ground* ground);

/* A value that makes sense where `kind` is asked for; `scratch` is a page of the thread's own. */
long good_value(char kind, const struct ground* ground, char* scratch, struct chance* from);
/* One that makes no sense anywhere: 0, -1, huge, unaligned, unmapped, the kernel's, racing, random.
 */
#define BAD_VALUES 20
long bad_value(unsigned which, const struct ground* ground, struct chance* from);

/* --- the other door: door386.c
 * --------------------------------------------------------------------- */

/* Two pages that 32 bits can name; NULL: no memory. */
char* map_low(void);
/* What was called, and what of the thread's signals it may have changed. */
struct call386 {
    short number;
    bool changed_mask;
    uint32_t changed_action; /* a signal; 0: none */
    long result;
};
/* Makes one call through int $0x80, whose arguments may be in the pages at `low`. `tid` is the
 * caller's. */
struct call386 call_386(const struct ground* ground, char* low, struct chance* from, long tid);

/* --- a worker: worker.c
 * --------------------------------------------------------------------------- */

/* What supervisor and worker both see. */
struct board {
    volatile uint64_t calls[MAX_THREADS];     /* made by each thread of this worker */
    volatile int current[MAX_THREADS];        /* the number of the call that it is in */
    volatile uint32_t results[4];             /* succeeded, EFAULT, ENOSYS, other errors */
    volatile uint32_t made[CALL_NUMBERS];     /* how often each number was called */
    volatile uint32_t made_386[CALL_NUMBERS]; /* and by the other door */
    uint32_t
        ends[65]; /* workers that a signal ended; 0: that came to their own end; 64: that hung */
};
struct plan {
    uint64_t seed;
    uint64_t calls; /* of each thread */
    unsigned threads;
    bool systematic; /* each bad value at each place of each call in turn, before chance decides */
    bool root;
    int only; /* the number of the only call to make; -1: all */
};
/* Runs a worker in this process, and ends it. */
_Noreturn void work(const struct plan* plan, struct board* board);

#endif
