/* Locks with priority inheritance by their bare system calls, and threads that wait for them. */
#ifndef VITRINE_FUTEX_PI_H
#define VITRINE_FUTEX_PI_H

#include "tests/futex.h"

#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

static inline long lock_pi(word_t* word) { return futex(word, FUTEX_LOCK_PI, 0, NULL); }
static inline long trylock_pi(word_t* word) { return futex(word, FUTEX_TRYLOCK_PI, 0); }
/* EAGAIN: the word changed meanwhile, since somebody was about to wait; Linux leaves trying again
 * to us. */
static inline long unlock_pi(word_t* word) {
    long result;
    do result = futex(word, FUTEX_UNLOCK_PI, 0);
    while (result == -1 && errno == EAGAIN);
    return result;
}

/* A thread that takes a lock in the kernel, and keeps it until it is told to let go. */
struct locker {
    word_t* word;
    word_t tid, has_it, may_go;
    long result;
    int error;
    pthread_t thread;
    int (*lock)(struct locker*); /* null: lock_pi() */
};

static void* locker_main(void* argument) {
    struct locker* me = argument;
    me->tid = self();
    me->result = me->lock ? me->lock(me) : lock_pi(me->word);
    me->error = errno;
    me->has_it = 1;
    UNTIL(me->may_go);
    if (me->result == 0) CHECK_EQ(unlock_pi(me->word), 0);
    return NULL;
}
static inline void start_locker(struct locker* who) {
    NEED(pthread_create(&who->thread, NULL, locker_main, who) == 0);
    UNTIL(who->tid != 0);
}
/* … and is seen to wait. */
static inline void start_waiter(struct locker* who) {
    start_locker(who);
    UNTIL(*who->word & FUTEX_WAITERS);
    UNTIL(stat_field(who->tid, 3) == 'S');
}
static inline void end_locker(struct locker* who) {
    who->may_go = 1;
    NEED(pthread_join(who->thread, NULL) == 0);
}

#endif
