/* Very many threads of one process, all waiting, then all running, then gone. */
#include "hostile/hostile.h"

#include <pthread.h>

static pthread_barrier_t gate;
static unsigned sum;

static void* pass(void* number) {
    pthread_barrier_wait(&gate);
    __atomic_add_fetch(&sum, (unsigned)(uintptr_t)number, __ATOMIC_RELAXED);
    return number;
}

void threads(long size) {
    pthread_t* const thread = calloc((size_t)size, sizeof *thread);
    pthread_attr_t small;
    DEMAND(thread);
    DEMAND(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 16384) == 0);
    DEMAND(pthread_barrier_init(&gate, NULL, (unsigned)size + 1) == 0);
    unsigned wanted = 0;
    for (long i = 0; i < size; i++) {
        DEMAND_EQUAL(pthread_create(&thread[i], &small, pass, (void*)i), 0);
        wanted += (unsigned)i;
    }
    pthread_barrier_wait(&gate);
    for (long i = 0; i < size; i++) {
        void* result = NULL;
        DEMAND_EQUAL(pthread_join(thread[i], &result), 0);
        DEMAND_EQUAL(result, i);
    }
    DEMAND_EQUAL(sum, wanted);
    /* Once more, and this time exit_group finds them all waiting. */
    for (long i = 0; i < size; i++) {
        DEMAND_EQUAL(pthread_create(&thread[i], &small, pass, (void*)i), 0);
    }
}
