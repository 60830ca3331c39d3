/* Producers and consumers at a small store with one mutex and two condition variables, in threads
 * and across processes: what comes out is what went in. */
#include "stress/stress.h"

#include <pthread.h>

#define ROOM 4
#define MOST 4 /* of each */

struct store {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    uint64_t slot[ROOM];
    unsigned used, producers, each;
    uint64_t in, out, taken;
    uint64_t seed;
};

static void produce(struct store* store) {
    struct chance from = {store->seed};
    for (unsigned i = 0; i < store->each; i++) {
        const uint64_t item = draw(&from) >> 16;
        DEMAND_EQUAL(pthread_mutex_lock(&store->mutex), 0);
        while (store->used == ROOM) {
            DEMAND_EQUAL(pthread_cond_wait(&store->emptied, &store->mutex), 0);
        }
        store->slot[store->used++] = item;
        store->in += item;
        DEMAND_EQUAL(pthread_cond_signal(&store->filled), 0);
        DEMAND_EQUAL(pthread_mutex_unlock(&store->mutex), 0);
    }
    DEMAND_EQUAL(pthread_mutex_lock(&store->mutex), 0);
    store->producers--;
    DEMAND_EQUAL(pthread_cond_broadcast(&store->filled), 0);
    DEMAND_EQUAL(pthread_mutex_unlock(&store->mutex), 0);
    did(store->each);
}

static void consume(struct store* store) {
    for (bool more = true; more;) {
        DEMAND_EQUAL(pthread_mutex_lock(&store->mutex), 0);
        while (store->used == 0 && store->producers > 0) {
            DEMAND_EQUAL(pthread_cond_wait(&store->filled, &store->mutex), 0);
        }
        more = store->used > 0;
        if (more) {
            store->out += store->slot[--store->used];
            store->taken++;
            DEMAND_EQUAL(pthread_cond_signal(&store->emptied), 0);
        }
        DEMAND_EQUAL(pthread_mutex_unlock(&store->mutex), 0);
    }
}

static void* producer(void* store) {
    produce(store);
    return NULL;
}
static void* consumer(void* store) {
    consume(store);
    return NULL;
}

static struct store* open_store(struct chance* from, unsigned producers, bool shared) {
    struct store* const store = share(sizeof *store);
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    const int scope = shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    DEMAND_EQUAL(pthread_mutexattr_init(&mutex), 0);
    DEMAND_EQUAL(pthread_condattr_init(&condition), 0);
    DEMAND_EQUAL(pthread_mutexattr_setpshared(&mutex, scope), 0);
    DEMAND_EQUAL(pthread_condattr_setpshared(&condition, scope), 0);
    DEMAND_EQUAL(pthread_mutex_init(&store->mutex, &mutex), 0);
    DEMAND_EQUAL(pthread_cond_init(&store->filled, &condition), 0);
    DEMAND_EQUAL(pthread_cond_init(&store->emptied, &condition), 0);
    store->producers = producers;
    store->each = 20 + below(from, 60);
    store->seed = draw(from);
    return store;
}

static void conditions_round(struct chance* from) {
    const unsigned producers = 1 + below(from, MOST), consumers = 1 + below(from, MOST);
    const bool shared = below(from, 2);
    struct store* const store = open_store(from, producers, shared);
    pthread_t thread[2 * MOST];
    pid_t child[2 * MOST];
    for (unsigned i = 0; i < producers + consumers; i++) {
        const bool produces = i < producers;
        if (!shared) {
            DEMAND_EQUAL(pthread_create(&thread[i], NULL, produces ? producer : consumer, store),
                         0);
        } else if ((child[i] = fork_child()) == 0) {
            if (produces) produce(store);
            if (!produces) consume(store);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < producers + consumers; i++) {
        if (shared) expect_exit(child[i], 0);
        if (!shared) DEMAND_EQUAL(pthread_join(thread[i], NULL), 0);
    }
    DEMAND_EQUAL(store->taken, (uint64_t)producers * store->each);
    DEMAND_EQUAL(store->in, store->out);
    munmap(store, sizeof *store);
}

const struct kind kConditions = {"conditions", conditions_round,
                                 "producers and consumers with mutex and condition variables"};
