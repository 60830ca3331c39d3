/* hostile: programs that take as much of something as they can get, one at a time. Each looks after
 * what it must get and must not get; the kernel has to live on, and to own nothing more afterwards.
 */
#ifndef VITRINE_HOSTILE_H
#define VITRINE_HOSTILE_H

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

/* Ends the process and says why. */
static inline _Noreturn void refuse(const char* file, int line, const char* what, long got) {
    printf("hostile: FAILED: %s:%d: %s (%ld, %s)\n", file, line, what, got, strerror(errno));
    fflush(stdout);
    _exit(1);
}
#define DEMAND(condition)                                                \
    do {                                                                 \
        if (!(condition)) refuse(__FILE__, __LINE__, #condition, errno); \
    } while (0)
#define DEMAND_EQUAL(got, wanted)                                                          \
    do {                                                                                   \
        const long got_ = (long)(got);                                                     \
        if (got_ != (long)(wanted)) refuse(__FILE__, __LINE__, #got " == " #wanted, got_); \
    } while (0)

/* Each runs in a child of main's, alone; `size` is how much of it. */
void bomb(
    long size); /* bomb.c: a user's processes that fork without end, and their end by kill(-1) */
void threads(long size);  /* threads.c: so many threads of one process */
void chain(long size);    /* chain.c: so many processes joined by pipes */
void zombies(long size);  /* zombies.c: so many children that nobody waits for */
void execs(long size);    /* execs.c: so many times several threads call execve at once */
void unmapped(long size); /* unmapped.c: so many times a futex' page goes while it is waited for */
void limits(long size);   /* memory.c: so many users take all the memory that they may have */
void areas(long size);    /* memory.c: a process wants twice as many areas */

/* `bytes` of zeroed memory that forked children share. */
static inline void* share(size_t bytes) {
    void* const memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    DEMAND(memory != MAP_FAILED);
    return memory;
}
static inline void nap_us(long us) {
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}
/* Waits for `child`, which must end with `status`. */
static inline void expect_status(pid_t child, int status) {
    int seen = -1;
    while (waitpid(child, &seen, 0) == -1 && errno == EINTR) continue;
    DEMAND_EQUAL(seen, status);
}

#endif
