/* Two tasks that hand a number to and fro by futex: processes in shared memory, threads in private.
 */
#include "stress/stress.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

/* The kernel's header is not musl's. */
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_PRIVATE_FLAG = 128 };

struct table {
    uint32_t turn; /* even: the first player's; odd: the second's */
    uint32_t turns;
    int private;
    uint32_t counter, locked; /* a mutex of our own, see lock() */
};

static long futex(uint32_t* word, int operation, const struct table* table, uint32_t value,
                  const struct timespec* time) {
    return syscall(SYS_futex, word, operation | table->private, value, time, NULL, 0);
}

/* Waits until it is the player's turn; sometimes for a time only. */
static void await_turn(struct table* table, uint32_t player, bool timed) {
    const struct timespec moment = {0, 300000};
    for (;;) {
        const uint32_t turn = __atomic_load_n(&table->turn, __ATOMIC_SEQ_CST);
        if (turn >= table->turns || turn % 2 == player) return;
        const long result = futex(&table->turn, FUTEX_WAIT, table, turn, timed ? &moment : NULL);
        DEMAND(result == 0 || errno == EAGAIN || errno == EINTR || (timed && errno == ETIMEDOUT));
    }
}

/* 0: free, 1: taken, 2: taken and somebody may wait. */
static void lock(struct table* table) {
    uint32_t was = 0;
    if (__atomic_compare_exchange_n(&table->locked, &was, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        return;
    }
    while (__atomic_exchange_n(&table->locked, 2, __ATOMIC_SEQ_CST) != 0) {
        futex(&table->locked, FUTEX_WAIT, table, 2, NULL);
    }
}
static void unlock(struct table* table) {
    if (__atomic_exchange_n(&table->locked, 0, __ATOMIC_SEQ_CST) == 2) {
        DEMAND(futex(&table->locked, FUTEX_WAKE, table, 1, NULL) >= 0);
    }
}

static void play(struct table* table, uint32_t player) {
    for (uint32_t turn = player; turn < table->turns; turn += 2) {
        await_turn(table, player, turn % 16 < 2);
        DEMAND_EQUAL(table->turn, turn);
        lock(table);
        const uint32_t seen = table->counter; /* not atomic on purpose */
        if (turn % 32 < 2) sched_yield();
        table->counter = seen + 1;
        unlock(table);
        __atomic_store_n(&table->turn, turn + 1, __ATOMIC_SEQ_CST);
        DEMAND(futex(&table->turn, FUTEX_WAKE, table, 1, NULL) >= 0);
        lock(table); /* both at once */
        table->counter++;
        unlock(table);
    }
    did(table->turns);
}

static void* second_player(void* table) {
    play(table, 1);
    return NULL;
}

static void futexes_round(struct chance* from) {
    struct table* const table = share(4096);
    table->turns = 2 * (50 + below(from, 200));
    table->private = below(from, 2) ? FUTEX_PRIVATE_FLAG : 0;
    if (table->private) {
        pthread_t thread;
        DEMAND_EQUAL(pthread_create(&thread, NULL, second_player, table), 0);
        play(table, 0);
        DEMAND_EQUAL(pthread_join(thread, NULL), 0);
    } else {
        const pid_t child = fork_child();
        if (child == 0) {
            play(table, 1);
            _exit(0);
        }
        play(table, 0);
        expect_exit(child, 0);
    }
    DEMAND_EQUAL(table->turn, table->turns);
    DEMAND_EQUAL(table->counter, 2 * table->turns);
    munmap(table, 4096);
}

const struct kind kFutexes = {"futexes", futexes_round,
                              "ping-pong and a mutex by futex, processes and threads"};
