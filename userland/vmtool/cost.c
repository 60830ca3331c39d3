/* What faults and forks take, in ticks of the time-stamp counter: instructions, where one is one.
 * The least of several rounds: nothing came between. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmtool/vmtool.h"

enum { ROUNDS = 5 };

static uint64_t now(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* Writes to each page; ticks per page. */
static uint64_t touch(volatile char* at, uint64_t pages) {
    const uint64_t start = now();
    for (uint64_t i = 0; i < pages; i++) at[i * PAGE_BYTES] = 1;
    return (now() - start) / pages;
}

/* A child that only waits until `at` is done with, and the ticks of its birth and end. */
static uint64_t with_child(volatile char* at, uint64_t pages, uint64_t* copying) {
    int line[2];
    if (pipe(line) != 0) return ~0ull;
    const uint64_t start = now();
    const pid_t pid = fork();
    if (pid < 0) return ~0ull;
    char byte;
    if (pid == 0) {
        close(line[1]);
        _exit(read(line[0], &byte, 1) != 0);
    }
    const uint64_t born = now();
    *copying = touch(at, pages);
    const uint64_t again = now();
    close(line[0]);
    close(line[1]);
    waitpid(pid, NULL, 0);
    return born - start + (now() - again);
}

uint64_t cost_of(const struct order* order) {
    const size_t bytes = order->n * PAGE_BYTES;
    uint64_t least = ~0ull;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char* const at =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) return REFUSED | (uint64_t)errno;
        uint64_t ticks = touch(at, order->n), copying = ~0ull;
        if (order->what != COST_ZERO) ticks = with_child(at, order->n, &copying);
        if (order->what == COST_COPY) ticks = copying;
        if (ticks < least) least = ticks;
        munmap(at, bytes);
    }
    return least;
}
