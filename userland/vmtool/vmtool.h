/* vmtool: processes that map, touch, fork and go, one step at a time, while somebody looks at their
 * page tables from outside.
 *
 * Reads orders from the standard input (struct order each) and carries them out one after the
 * other; writes one little-endian u64 for each as soon as it is done. An order says which of up to
 * MOST processes is to do it; process 1 is there from the start. The addresses are the orders', so
 * all of them can be drawn up beforehand. At the end all processes are ended.
 *
 * An access that ends in a signal is answered by FAULT | signal number, a call that fails by
 * REFUSED | errno.
 */
#ifndef VMTOOL_H
#define VMTOOL_H

#include <stdint.h>

enum { MOST = 16, PAGE_BYTES = 4096, PAGE_WORDS = PAGE_BYTES / 8, SCRATCH_PAGES = 64 };

#define FAULT (1ull << 63)
#define REFUSED (1ull << 62)

enum what {
    /* What the dispatcher does itself. */
    PAUSE, /* waits for SIGUSR1 */
    NAP,   /* n microseconds */
    STOP,  /* ends what `who` was told to go on with: how often it did it, or FAULT | signal */
    LAST,  /* the value that it read or wrote last, after STOP */
    LEAVE, /* `who` ends, and has been waited for */
    /* What `who` is told to do. */
    PID,       /* its number */
    CPU,       /* from now on it runs on processor `at` only */
    MAP,       /* n pages at `at`; value: PROT_* | MAP_* << 8; if not anonymous, of a scratch file
                  that all share, from page value >> 40 on */
    UNMAP,     /* n pages */
    PROTECT,   /* n pages; value: PROT_* */
    ADVISE,    /* n pages; value: MADV_* */
    READ,      /* the word at `at` */
    WRITE,     /* value to the word at `at` */
    FILL,      /* all words of n pages become value */
    DIFFERS,   /* how many words of n pages are not value */
    POKE,      /* value to the word at `at`, as a debugger does: whatever its rights are */
    FORK,      /* process n begins, as its copy. Its number */
    THREAD,    /* process n begins, a thread in the same address space. Its number */
    REAP,      /* waits for process n, whose number is value (the dispatcher asks it, for LEAVE) */
    COST_ZERO, /* ticks of the time-stamp counter for the first write to each of n pages at `at`,
                  which are mapped anew: per page, at the least */
    COST_COPY, /* … for the first write after a fork */
    COST_FORK, /* … for a fork with n pages written to, and the child's end: at the least */
    JUNK,      /* n pages of the kernel's, in pipes, are filled with value, and freed */
    SQUEEZE,   /* mlock() of n pages at `at`, and nobody is killed if there is not enough memory;
                  then the `value` pages behind them are given back. What mlock() has said */
    /* What `who` goes on with until STOP. The answer comes when it has begun. */
    READ_ON,  /* reads the word at `at`. The first value */
    WRITE_ON, /* counts up in the word at `at` */
    RUN_ON,   /* computes */
    RACE,     /* waits until `value` processes have come here; then writes its own number to the
                 second word and beyond of each of n pages (each process to another word) */
};

struct order {
    uint64_t who, what, at, n, value;
};

/* What a process that goes on with something shares with those who wait for it. */
struct post {
    volatile uint32_t stop, ended;
    volatile uint64_t rounds, last, fault;
};
struct common {
    struct post post[MOST];
    volatile uint32_t at_the_line; /* RACE */
};
extern struct common* common;
extern int order_pipe[MOST][2], answer_pipe[2];
extern int scratch; /* the file */

/* Carries out orders of process `slot` until it is told to leave. */
void work(unsigned slot);

/* The steps, each in a file of its own. `order->who` is the caller. */
uint64_t step_in_memory(const struct order* order);
uint64_t cost_of(const struct order* order);
/* Writes the answer itself, as soon as it has begun. */
void go_on(const struct order* order);

void answer(uint64_t value);
/* FAULT | signal if `access` met one. */
uint64_t attempt(uint64_t (*access)(const struct order*), const struct order* order);
uint64_t result_of(long returned);

#endif
