/* A chain of processes, each reading from the one before: what goes in comes out, counted by all.
 */
#include "hostile/hostile.h"

#include <sys/resource.h>

#define TOKENS 8

/* Passes on until the one before has closed its end. */
static _Noreturn void pass_on(int from, int to) {
    uint32_t hops;
    for (ssize_t count; (count = read(from, &hops, sizeof hops)) != 0;) {
        DEMAND_EQUAL(count, sizeof hops);
        hops++;
        DEMAND_EQUAL(write(to, &hops, sizeof hops), sizeof hops);
    }
    _exit(0);
}

void chain(long size) {
    pid_t* const child = calloc((size_t)size, sizeof *child);
    int first[2], next[2];
    DEMAND(child && pipe(first) == 0);
    int from = first[0];
    for (long i = 0; i < size; i++) {
        DEMAND(pipe(next) == 0);
        child[i] = fork();
        DEMAND(child[i] >= 0);
        if (child[i] == 0) {
            close(first[1]);
            close(next[0]);
            pass_on(from, next[1]);
        }
        close(from);
        close(next[1]);
        from = next[0];
    }
    for (uint32_t i = 0; i < TOKENS; i++) {
        DEMAND_EQUAL(write(first[1], &i, sizeof i), sizeof i);
    }
    for (uint32_t i = 0; i < TOKENS; i++) {
        uint32_t hops = 0;
        DEMAND_EQUAL(read(from, &hops, sizeof hops), sizeof hops);
        DEMAND_EQUAL(hops, i + (uint32_t)size);
    }
    close(first[1]);
    DEMAND_EQUAL(read(from, &(char){0}, 1), 0);
    for (long i = 0; i < size; i++) expect_status(child[i], 0);
}
