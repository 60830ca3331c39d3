/* Condition variables with a mutex that lends priorities: FUTEX_WAIT_REQUEUE_PI waits at the
 * condition, FUTEX_CMP_REQUEUE_PI moves it to the mutex, and it returns as its holder. And a storm
 * of everything that such locks can do. */
#include "tests/futex_pi.h"

static word_t condition, lock, other;

static long cmp_requeue_pi(word_t* from, word_t* to, int wake, long move, uint32_t expected) {
    return futex(from, FUTEX_CMP_REQUEUE_PI, wake, move, to, expected);
}
static int wait_at_condition(struct locker* me) {
    (void)me;
    return (int)futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, NULL, &lock);
}
/* `who` waits at the condition. */
static void start_condition_waiter(struct locker* who) {
    who->word = &lock;
    if (!who->lock) who->lock = wait_at_condition;
    start_locker(who);
    UNTIL(stat_field(who->tid, 3) == 'S');
    usleep(2000);
}

static void free_mutex(void) {
    struct locker waiter = {0};
    start_condition_waiter(&waiter);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 0, 0), 1);
    UNTIL(waiter.has_it);
    CHECK_EQ(waiter.result, 0);
    CHECK_EQ(lock, waiter.tid);
    end_locker(&waiter);
    CHECK_EQ(lock, 0);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 0, 0), 0);
}

/* The usual case: who signals the condition holds the mutex. */
static void held_mutex(void) {
    struct locker waiters[3] = {0};
    for (int i = 0; i < 3; i++) start_condition_waiter(&waiters[i]);
    CHECK_EQ(lock_pi(&lock), 0);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 0, 0), 1); /* signal */
    CHECK_EQ(lock, FUTEX_WAITERS | self());
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 100, 0), 2); /* broadcast */
    for (int i = 0; i < 3; i++) CHECK_EQ(waiters[i].has_it, 0);
    CHECK_EQ(unlock_pi(&lock), 0);
    for (int i = 0; i < 3; i++) {
        UNTIL(waiters[i].has_it);
        CHECK_EQ(waiters[i].result, 0);
        CHECK_EQ(lock & FUTEX_TID_MASK, waiters[i].tid);
        end_locker(&waiters[i]);
    }
    CHECK_EQ(lock, 0);
}

/* The first gets the mutex, the others wait for it. */
static void broadcast_with_free_mutex(void) {
    struct locker waiters[3] = {0};
    for (int i = 0; i < 3; i++) start_condition_waiter(&waiters[i]);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 1, 0), 2);
    UNTIL(waiters[0].has_it);
    CHECK_EQ(lock, FUTEX_WAITERS | waiters[0].tid);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 7, 0), 1);
    for (int i = 0; i < 3; i++) {
        UNTIL(waiters[i].has_it);
        CHECK_EQ(waiters[i].result, 0);
        end_locker(&waiters[i]);
    }
    CHECK_EQ(lock, 0);
}

static int wait_plainly(struct locker* me) {
    (void)me;
    return (int)futex(&condition, FUTEX_WAIT, condition, NULL);
}
static void errors(void) {
    struct locker waiter = {0}, plain = {.lock = wait_plainly};
    CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition), EINVAL);
    CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock), EAGAIN);
    CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, unmapped_page()), EFAULT);
    CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, (char*)&lock + 2), EINVAL);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &condition, 1, 1, 0), EINVAL);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 0, 1, 0), EINVAL);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 2, 1, 0), EINVAL);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 1, -1, 0), EINVAL);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 1, 1, 5), EAGAIN);
    start_condition_waiter(&waiter);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &other, 1, 1, 0), EINVAL);
    CHECK_ERRNO(futex(&condition, FUTEX_WAKE, 1), EINVAL);
    CHECK_ERRNO(futex(&condition, FUTEX_REQUEUE, 1, 1, &lock), EINVAL);
    lock = waiter.tid;
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 1, 1, 0), EDEADLK);
    lock = 0;
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 1, 0), 1);
    UNTIL(waiter.has_it);
    CHECK_EQ(lock & FUTEX_TID_MASK, waiter.tid);
    end_locker(&waiter);
    start_condition_waiter(&plain);
    CHECK_ERRNO(cmp_requeue_pi(&condition, &lock, 1, 1, 0), EINVAL);
    CHECK_EQ(futex(&condition, FUTEX_WAKE, 1), 1);
    UNTIL(plain.has_it);
    lock = plain.tid;
    end_locker(&plain);
}

static int wait_until_soon(struct locker* me) {
    (void)me;
    const struct timespec end = in_ms(CLOCK_MONOTONIC, 100);
    return (int)futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, &end, &lock);
}
static int wait_until_soon_realtime(struct locker* me) {
    (void)me;
    const struct timespec end = in_ms(CLOCK_REALTIME, 100);
    return (int)futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, condition, &end,
                      &lock);
}
static void time_outs(void) {
    for (int moved = 0; moved < 2; moved++) {
        struct locker waiter = {.lock = moved ? wait_until_soon : wait_until_soon_realtime};
        CHECK_EQ(lock_pi(&lock), 0);
        start_condition_waiter(&waiter);
        /* Under load it may be too late to move it. */
        if (moved) CHECK(cmp_requeue_pi(&condition, &lock, 1, 1, 0) >= 0);
        UNTIL(waiter.has_it);
        CHECK_EQ(waiter.result, -1);
        CHECK_EQ(waiter.error, ETIMEDOUT);
        CHECK_EQ(unlock_pi(&lock), 0);
        end_locker(&waiter);
        CHECK_EQ(lock, 0);
    }
}

/* Before the move the call begins anew; after it, it says that the condition is over. */
static void interrupted(void) {
    handle(SIGUSR1, 0);
    struct locker waiter = {0};
    CHECK_EQ(lock_pi(&lock), 0);
    start_condition_waiter(&waiter);
    NEED(pthread_kill(waiter.thread, SIGUSR1) == 0);
    UNTIL(handled == 1);
    UNTIL(stat_field(waiter.tid, 3) == 'S');
    usleep(2000);
    CHECK_EQ(waiter.has_it, 0);
    CHECK_EQ(cmp_requeue_pi(&condition, &lock, 1, 0, 0), 1);
    NEED(pthread_kill(waiter.thread, SIGUSR1) == 0);
    UNTIL(waiter.has_it);
    CHECK_EQ(waiter.result, -1);
    CHECK_EQ(waiter.error, EAGAIN);
    CHECK_EQ(unlock_pi(&lock), 0);
    end_locker(&waiter);
}

/* --- the storm --- */

enum { kThreads = 4, kRounds = 150 };
static word_t inside, storm_over, ended;
static long sum;

/* What a lock is for: one at a time. */
static void critical(void) {
    CHECK_EQ(inside, 0);
    inside = 1;
    sum++;
    for (volatile int i = 0; i < 50; i++) continue;
    inside = 0;
    CHECK_EQ(unlock_pi(&lock), 0);
}
static long lock_somehow(unsigned way) {
    const struct timespec soon = in_ms(CLOCK_MONOTONIC, 2);
    switch (way % 4) {
    case 0: return futex(&lock, FUTEX_LOCK_PI2, 0, &soon);
    case 1: return trylock_pi(&lock);
    case 2: return futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, &soon, &lock);
    default: return lock_pi(&lock);
    }
}
static void* storm(void* argument) {
    unsigned seed = (unsigned)(long)argument;
    for (int i = 0; i < kRounds; i++) {
        if (lock_somehow((unsigned)rand_r(&seed)) == 0) {
            critical();
        } else {
            CHECK(errno == ETIMEDOUT || errno == EAGAIN);
        }
        /* Moving whom? Nobody, or one that gives up at this moment. */
        if (i % 3 == 0) cmp_requeue_pi(&condition, &lock, 1, i % 2, condition);
        if (i % 7 == 0) condition++;
    }
    ended++;
    return NULL;
}
static void* scribble(void* argument) {
    word_t* word = argument;
    while (!storm_over) {
        const uint32_t values[] = {0, 1, 2, self(), FUTEX_WAITERS, FUTEX_OWNER_DIED, ~0u};
        for (unsigned i = 0; i < 7; i++) *word = values[i];
        sched_yield();
    }
    return NULL;
}
static void* suffer(void* argument) { /* whatever comes of it, but an end */
    word_t* word = argument;
    for (int i = 0; i < kRounds; i++) {
        const struct timespec soon = in_ms(CLOCK_MONOTONIC, 1);
        futex(word, FUTEX_LOCK_PI2, 0, &soon);
        trylock_pi(word);
        futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, &soon, word);
        cmp_requeue_pi(&condition, word, 1, 2, condition);
        unlock_pi(word);
    }
    ended++;
    return NULL;
}
static void run_storm(void* (*body)(void*), void* (*argument)(int)) {
    handle(SIGUSR1, 0);
    pthread_t threads[kThreads];
    ended = 0;
    for (int i = 0; i < kThreads; i++) {
        NEED(pthread_create(&threads[i], NULL, body, argument(i)) == 0);
    }
    while (ended < kThreads) {
        for (int i = 0; i < kThreads; i++) pthread_kill(threads[i], SIGUSR1);
        nap();
    }
    for (int i = 0; i < kThreads; i++) NEED(pthread_join(threads[i], NULL) == 0);
}
/* How many objects the kernel has for such locks, if it says so: Linux has none of its own. */
static long pi_states(void) {
    char text[16384] = "";
    int fd = open("/proc/slabinfo", O_RDONLY);
    if (fd < 0) return 0;
    for (size_t got = 0, more = 1; more > 0 && got < sizeof text - 1; got += more) {
        const ssize_t count = read(fd, text + got, sizeof text - 1 - got);
        more = count > 0 ? (size_t)count : 0;
    }
    close(fd);
    const char* line = strstr(text, "\nfutex_pi_state ");
    return line ? strtol(line + strlen("\nfutex_pi_state "), NULL, 10) : 0;
}
static void* seed_of(int i) { return (void*)(long)(i + 1); }
static void* other_word(int i) { return i % 2 ? &other : &lock; }
static void a_storm(void) {
    run_storm(storm, seed_of);
    CHECK_EQ(inside, 0);
    CHECK(sum > 0);
    CHECK_EQ(pi_states(), 0);
    CHECK_EQ(lock & FUTEX_TID_MASK, 0);
}
static void a_hostile_storm(void) {
    pthread_t scribbler;
    NEED(pthread_create(&scribbler, NULL, scribble, &lock) == 0);
    run_storm(suffer, other_word);
    storm_over = 1;
    NEED(pthread_join(scribbler, NULL) == 0);
    /* Nothing is left behind. */
    lock = 0;
    CHECK_EQ(lock_pi(&lock), 0);
    CHECK_EQ(unlock_pi(&lock), 0);
    CHECK_EQ(stat_field(self(), 18), 20 + getpriority(PRIO_PROCESS, 0));
    CHECK_EQ(pi_states(), 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(free_mutex), CASE(held_mutex), CASE(broadcast_with_free_mutex), CASE(errors),
        CASE(time_outs), CASE(interrupted), CASE(a_storm), CASE(a_hostile_storm), END});
}
