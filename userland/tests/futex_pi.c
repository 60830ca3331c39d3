/* Locks with priority inheritance (FUTEX_LOCK_PI and its like): what the word says when, who gets
 * the lock, errors, and what is left when a holder dies. That they lend priorities:
 * futex_pi_boost.c. */
#include "tests/futex_pi.h"

static word_t word, other;

static void free_lock(void) {
    CHECK_EQ(lock_pi(&word), 0);
    CHECK_EQ(word, self());
    CHECK_ERRNO(lock_pi(&word), EDEADLK);
    CHECK_ERRNO(trylock_pi(&word), EDEADLK);
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(word, 0);
    CHECK_ERRNO(unlock_pi(&word), EPERM);
    CHECK_EQ(trylock_pi(&word), 0);
    CHECK_EQ(word, self());
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(futex(&word, FUTEX_LOCK_PI2, 0, NULL), 0);
    CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE, 0), 0);
    CHECK_EQ(word, 0);
    /* A dead holder's mark stays with the lock. */
    word = FUTEX_OWNER_DIED;
    CHECK_EQ(lock_pi(&word), 0);
    CHECK_EQ(word, FUTEX_OWNER_DIED | self());
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(word, 0);
    /* One of those who wait for a kernel that knows of nobody who waits. */
    word = FUTEX_WAITERS;
    CHECK_EQ(lock_pi(&word), 0);
    CHECK_EQ(word & FUTEX_TID_MASK, self());
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(word, 0);
}

static void wrong_arguments(void) {
    struct timespec wrong = {.tv_nsec = 1000000000}, before = {.tv_sec = -1}, soon = {.tv_sec = 1};
    char* odd = (char*)&word + 1;
    CHECK_ERRNO(futex(odd, FUTEX_LOCK_PI, 0, NULL), EINVAL);
    CHECK_ERRNO(futex(odd, FUTEX_TRYLOCK_PI, 0, NULL), EINVAL);
    CHECK_ERRNO(futex(unmapped_page(), FUTEX_LOCK_PI, 0, NULL), EFAULT);
    CHECK_ERRNO(futex(unmapped_page(), FUTEX_UNLOCK_PI, 0, NULL), EFAULT);
    CHECK_ERRNO(futex(page_with(PROT_READ), FUTEX_LOCK_PI, 0, NULL), EFAULT);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI, 0, &wrong), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI, 0, &before), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI2, 0, unmapped_page()), EFAULT);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &soon), ENOSYS);
    CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI | FUTEX_CLOCK_REALTIME, 0, &soon), ENOSYS);
    CHECK_EQ(word, 0);
}

/* Numbers of whom there is nobody, or nobody that could hold a lock. */
static void wrong_owners(void) {
    pid_t gone = fork_or_die();
    if (gone == 0) _exit(0);
    CHECK_EXITED(status_of(gone), 0);
    word = (uint32_t)gone;
    CHECK_ERRNO(lock_pi(&word), ESRCH);
    CHECK_EQ(word, FUTEX_WAITERS | (uint32_t)gone);
    CHECK_ERRNO(trylock_pi(&word), ESRCH);
    CHECK_ERRNO(unlock_pi(&word), EPERM);
    word = FUTEX_TID_MASK;
    CHECK_ERRNO(lock_pi(&word), ESRCH);
    char name[32] = "";
    int fd = open("/proc/2/comm", O_RDONLY);
    if (fd >= 0 && read(fd, name, 9) == 9 && strcmp(name, "kthreadd\n") == 0) {
        word = 2;
        CHECK_ERRNO(lock_pi(&word), EPERM);
    }
    /* One that is dead, but not buried. */
    pid_t zombie = fork_or_die();
    if (zombie == 0) _exit(0);
    siginfo_t info;
    NEED(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT) == 0);
    word = (uint32_t)zombie;
    CHECK_ERRNO(lock_pi(&word), ESRCH);
    CHECK_EXITED(status_of(zombie), 0);
}

static void hand_over(void) {
    struct locker waiter = {.word = &word};
    CHECK_EQ(lock_pi(&word), 0);
    start_waiter(&waiter);
    CHECK_EQ(word, FUTEX_WAITERS | self());
    CHECK_EQ(waiter.has_it, 0);
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(word, FUTEX_WAITERS | waiter.tid);
    UNTIL(waiter.has_it);
    CHECK_EQ(waiter.result, 0);
    CHECK_ERRNO(unlock_pi(&word), EPERM);
    CHECK_ERRNO(trylock_pi(&word), EAGAIN);
    end_locker(&waiter);
    CHECK_EQ(word, 0);
}

/* Those who waited longest come first. */
static void many_waiters(void) {
    enum { kWaiters = 5 };
    struct locker waiters[kWaiters] = {0};
    CHECK_EQ(lock_pi(&word), 0);
    for (int i = 0; i < kWaiters; i++) {
        waiters[i].word = &word;
        start_waiter(&waiters[i]);
    }
    CHECK_EQ(unlock_pi(&word), 0);
    for (int i = 0; i < kWaiters; i++) {
        UNTIL(waiters[i].has_it);
        CHECK_EQ(word, FUTEX_WAITERS | waiters[i].tid);
        for (int later = i + 1; later < kWaiters; later++) CHECK_EQ(waiters[later].has_it, 0);
        end_locker(&waiters[i]);
    }
    CHECK_EQ(word, 0);
}

/* Somebody waits for the word as if it were another kind of futex. */
static int wait_plainly(struct locker* me) {
    return (int)futex(me->word, FUTEX_WAIT, *me->word, NULL);
}
static void mixed_waiters(void) {
    struct locker plain = {.word = &word, .lock = wait_plainly, .may_go = 0};
    word = 0;
    start_locker(&plain);
    UNTIL(stat_field(plain.tid, 3) == 'S');
    word = self();
    CHECK_ERRNO(unlock_pi(&word), EINVAL);
    word = 1;
    CHECK_ERRNO(lock_pi(&word), EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 1), 1);
    UNTIL(plain.has_it);
    word = plain.tid;
    end_locker(&plain);

    struct locker waiter = {.word = &word};
    CHECK_EQ(lock_pi(&word), 0);
    start_waiter(&waiter);
    CHECK_ERRNO(futex(&word, FUTEX_WAKE, 1), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_REQUEUE, 1, 1, &other), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_REQUEUE, 0, 1, &other), EINVAL);
    CHECK_EQ(unlock_pi(&word), 0);
    end_locker(&waiter);
}

/* The word changes under the kernel's feet. */
static void hostile_word(void) {
    struct locker waiter = {.word = &word}, second = {.word = &word};
    CHECK_EQ(lock_pi(&word), 0);
    start_waiter(&waiter);
    const uint32_t mine = word;
    word = 0;
    CHECK_ERRNO(unlock_pi(&word), EPERM);
    start_locker(&second);
    UNTIL(second.has_it);
    CHECK_EQ(second.result, -1);
    CHECK_EQ(second.error, EINVAL);
    end_locker(&second);
    word = waiter.tid;
    CHECK_ERRNO(trylock_pi(&word), EINVAL);
    word = mine;
    CHECK_EQ(unlock_pi(&word), 0);
    UNTIL(waiter.has_it);
    /* A word that says we have it, while the kernel knows somebody else by its waiter. */
    struct locker third = {.word = &word};
    start_waiter(&third);
    word = self();
    CHECK_ERRNO(unlock_pi(&word), EINVAL);
    word = waiter.tid | FUTEX_WAITERS;
    end_locker(&waiter);
    UNTIL(third.has_it);
    end_locker(&third);
    CHECK_EQ(word, 0);
}

static int lock_2_monotonic(struct locker* me) {
    const struct timespec end = in_ms(CLOCK_MONOTONIC, 30);
    return (int)futex(me->word, FUTEX_LOCK_PI2, 0, &end);
}
static int lock_2_realtime(struct locker* me) {
    const struct timespec end = in_ms(CLOCK_REALTIME, 30);
    return (int)futex(me->word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME | FUTEX_PRIVATE, 0, &end);
}
static int lock_1_realtime(struct locker* me) {
    const struct timespec end = in_ms(CLOCK_REALTIME, 30);
    return (int)futex(me->word, FUTEX_LOCK_PI, 0, &end);
}
static int lock_in_the_past(struct locker* me) {
    const struct timespec end = {.tv_sec = 1};
    return (int)futex(me->word, FUTEX_LOCK_PI, 0, &end);
}
static void time_outs(void) {
    int (*const ways[])(struct locker*) = {lock_1_realtime, lock_2_monotonic, lock_2_realtime,
                                           lock_in_the_past};
    for (int i = 0; i < 4; i++) {
        struct locker waiter = {.word = &word, .lock = ways[i]};
        CHECK_EQ(lock_pi(&word), 0);
        start_locker(&waiter);
        UNTIL(waiter.has_it);
        CHECK_EQ(waiter.result, -1);
        CHECK_EQ(waiter.error, ETIMEDOUT);
        CHECK_EQ(word, FUTEX_WAITERS | self());
        CHECK_EQ(unlock_pi(&word), 0);
        CHECK_EQ(word, 0);
        end_locker(&waiter);
    }
}

/* A handler runs, and the call goes on, SA_RESTART or not. */
static void signals_do_not_end_it(void) {
    handle(SIGUSR1, 0);
    struct locker waiter = {.word = &word};
    CHECK_EQ(lock_pi(&word), 0);
    start_waiter(&waiter);
    for (int i = 1; i <= 3; i++) {
        NEED(pthread_kill(waiter.thread, SIGUSR1) == 0);
        UNTIL(handled == i);
        UNTIL(stat_field(waiter.tid, 3) == 'S');
        CHECK_EQ(waiter.has_it, 0);
    }
    CHECK_EQ(unlock_pi(&word), 0);
    UNTIL(waiter.has_it);
    CHECK_EQ(waiter.result, 0);
    end_locker(&waiter);
}

/* Who waits for one that we hold, and holds what we want. */
static int lock_both(struct locker* me) {
    CHECK_EQ(lock_pi(&other), 0);
    return (int)lock_pi(me->word);
}
static void deadlocks(void) {
    struct locker waiter = {.word = &word, .lock = lock_both};
    CHECK_EQ(lock_pi(&word), 0);
    start_waiter(&waiter);
    CHECK_EQ(other, waiter.tid);
    CHECK_ERRNO(lock_pi(&other), EDEADLK);
    CHECK_EQ(trylock_pi(&other), -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(unlock_pi(&word), 0);
    UNTIL(waiter.has_it);
    end_locker(&waiter);
    CHECK_EQ(other & FUTEX_TID_MASK, waiter.tid); /* it ended with that one held */
    CHECK_ERRNO(lock_pi(&other), ESRCH);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(free_lock), CASE(wrong_arguments),
                                          CASE(wrong_owners), CASE(hand_over), CASE(many_waiters),
                                          CASE(mixed_waiters), CASE(hostile_word), CASE(time_outs),
                                          CASE(signals_do_not_end_it), CASE(deadlocks), END});
}
