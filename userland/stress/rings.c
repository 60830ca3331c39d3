/* A ring of processes joined by pipes, in which tokens go round: each hop is a switch. Each token
 * carries its own number and how often it was passed on. */
#include "stress/stress.h"

#include <fcntl.h>

#define MOST 12

struct token {
    uint32_t number, hops;
};

static void pass_on(int from, int to) {
    struct token token;
    for (;;) {
        const ssize_t count = read(from, &token, sizeof token);
        if (count == 0) _exit(0); /* the one before has gone */
        DEMAND_EQUAL(count, sizeof token);
        token.hops++;
        DEMAND_EQUAL(write(to, &token, sizeof token), sizeof token);
    }
}

/* Receives what has come round, `laps` times for each token. */
static void keep_going(int from, int to, unsigned tokens, unsigned laps, unsigned size) {
    uint32_t hops[MOST] = {0};
    for (uint32_t i = 0; i < tokens; i++) {
        DEMAND_EQUAL(write(to, &(struct token){i, 0}, sizeof(struct token)), sizeof(struct token));
    }
    for (unsigned left = tokens * laps; left > 0; left--) {
        struct token token;
        DEMAND_EQUAL(read(from, &token, sizeof token), sizeof token);
        DEMAND(token.number < tokens);
        DEMAND_EQUAL(token.hops, hops[token.number] + size - 1);
        hops[token.number] = token.hops;
        if (token.hops < laps * (size - 1)) {
            DEMAND_EQUAL(write(to, &token, sizeof token), sizeof token);
        }
        did(size);
    }
    for (unsigned i = 0; i < tokens; i++) DEMAND_EQUAL(hops[i], laps * (size - 1));
}

static void rings_round(struct chance* from) {
    const unsigned size = 2 + below(from, MOST - 1), tokens = 1 + below(from, MOST);
    int pipes[MOST][2];
    pid_t child[MOST];
    for (unsigned i = 0; i < size; i++) DEMAND(pipe2(pipes[i], O_CLOEXEC) == 0);
    for (unsigned i = 1; i < size; i++) { /* reads pipe i - 1, writes pipe i */
        if ((child[i] = fork_child()) != 0) continue;
        for (unsigned k = 0; k < size; k++) {
            if (k != i - 1) close(pipes[k][0]);
            if (k != i) close(pipes[k][1]);
        }
        pass_on(pipes[i - 1][0], pipes[i][1]);
    }
    for (unsigned k = 0; k < size; k++) {
        if (k != size - 1) close(pipes[k][0]);
        if (k != 0) close(pipes[k][1]);
    }
    keep_going(pipes[size - 1][0], pipes[0][1], tokens, 5 + below(from, 20), size);
    close(pipes[0][1]); /* and so one after the other ends */
    DEMAND_EQUAL(read(pipes[size - 1][0], &(char){0}, 1), 0);
    close(pipes[size - 1][0]);
    for (unsigned i = 1; i < size; i++) expect_exit(child[i], 0);
}

const struct kind kRings = {"rings", rings_round, "tokens round a ring of processes and pipes"};
