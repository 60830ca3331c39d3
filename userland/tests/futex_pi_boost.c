/* What locks with priority inheritance are for: a holder runs with the priority of the most urgent
 * who waits. Nice values show it to anybody (/proc has the priority that counts); real-time
 * priorities show that an inversion ends, where we may set them. */
#include "tests/futex_pi.h"

#include <sched.h>
#include <sys/resource.h>

static word_t words[4];

static long priority(uint32_t tid) { return stat_field(tid, 18); }
/* Of a fair task: whoever runs the tests may have been made nice. */
static long unlent(void) { return 20 + getpriority(PRIO_PROCESS, 0); }
static void be_nice(uint32_t tid, int nice) { NEED(setpriority(PRIO_PROCESS, tid, nice) == 0); }

static void lends_and_takes_back(void) {
    struct locker holder = {.word = &words[0]}, waiter = {.word = &words[0]};
    start_locker(&holder);
    UNTIL(holder.has_it);
    be_nice(holder.tid, 15);
    CHECK_EQ(priority(holder.tid), 35);
    start_waiter(&waiter);
    CHECK_EQ(priority(holder.tid), unlent());
    CHECK_EQ(getpriority(PRIO_PROCESS, holder.tid), 15);
    end_locker(&holder);
    UNTIL(waiter.has_it);
    CHECK_EQ(priority(waiter.tid), unlent());
    end_locker(&waiter);
}

static int lock_for_a_while(struct locker* me) {
    const struct timespec end = in_ms(CLOCK_REALTIME, 300);
    return (int)futex(me->word, FUTEX_LOCK_PI, 0, &end);
}
static void time_out_takes_back(void) {
    struct locker holder = {.word = &words[0]};
    struct locker waiter = {.word = &words[0], .lock = lock_for_a_while};
    start_locker(&holder);
    UNTIL(holder.has_it);
    be_nice(holder.tid, 10);
    start_locker(&waiter);
    UNTIL(waiter.has_it || priority(holder.tid) == unlent());
    UNTIL(waiter.has_it);
    CHECK_EQ(waiter.error, ETIMEDOUT);
    CHECK_EQ(priority(holder.tid), 30);
    end_locker(&waiter);
    end_locker(&holder);
}

/* Each holds a lock, and waits for that of the one before. */
static int lock_two(struct locker* me) {
    CHECK_EQ(lock_pi(me->word + 1), 0);
    return (int)lock_pi(me->word);
}
static void chains(void) {
    enum { kLinks = 3 };
    struct locker links[kLinks] = {{.word = &words[0], .lock = lock_two},
                                   {.word = &words[1], .lock = lock_two},
                                   {.word = &words[2], .lock = lock_two}};
    struct locker holder = {.word = &words[0]};
    start_locker(&holder);
    UNTIL(holder.has_it);
    be_nice(holder.tid, 19);
    for (int i = 0; i < kLinks; i++) {
        start_waiter(&links[i]);
        be_nice(links[i].tid, 15 - i);
    }
    /* The last one's lock is wanted by us, who are not nice at all. */
    struct locker last = {.word = &words[kLinks]};
    start_waiter(&last);
    for (int i = 0; i < kLinks; i++) CHECK_EQ(priority(links[i].tid), unlent());
    CHECK_EQ(priority(holder.tid), unlent());
    end_locker(&holder);
    for (int i = 0; i < kLinks; i++) {
        UNTIL(links[i].has_it);
        CHECK_EQ(links[i].result, 0);
        CHECK_EQ(priority(links[i].tid), unlent());
        CHECK_EQ(unlock_pi(&words[0]), -1);
        links[i].may_go = 1;
        NEED(pthread_join(links[i].thread, NULL) == 0);
        if (i + 1 < kLinks) UNTIL((words[i + 1] & FUTEX_TID_MASK) == links[i + 1].tid);
    }
    UNTIL(last.has_it);
    end_locker(&last);
}

/* --- with real-time priorities --- */

static void need_realtime(void) {
    struct sched_param param = {.sched_priority = 10};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) != 0) {
        skip_case("may not set real-time priorities");
    }
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    NEED(sched_setaffinity(0, sizeof first, &first) == 0);
}
static void be_urgent(uint32_t tid, int rt_priority) {
    struct sched_param param = {.sched_priority = rt_priority};
    NEED(syscall(SYS_sched_setscheduler, tid, SCHED_FIFO, &param) == 0);
}

/* All on one processor: low holds, high waits, and middle does not sleep before high has it. Were
 * nothing lent, low would not run again before middle gives up. */
static word_t has_high, middle_runs;
static void* low_main(void* argument) {
    be_urgent(0, 20);
    CHECK_EQ(lock_pi(argument), 0);
    words[1] = 1;
    UNTIL(words[0] & FUTEX_WAITERS);
    CHECK_EQ(unlock_pi(argument), 0);
    return NULL;
}
static void* middle_main(void* argument) {
    word_t* gave_up = argument;
    be_urgent(0, 40);
    middle_runs = 1;
    const struct timespec end = in_ms(CLOCK_MONOTONIC, 5000);
    struct timespec now;
    while (!has_high) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec) *gave_up = 1;
        if (*gave_up) break;
    }
    return NULL;
}
static void* high_main(void* argument) {
    be_urgent(0, 60);
    CHECK_EQ(lock_pi(argument), 0);
    has_high = 1;
    CHECK_EQ(unlock_pi(argument), 0);
    return NULL;
}
static void inversion_ends(void) {
    pthread_t low, middle, high;
    word_t gave_up = 0;
    need_realtime();
    be_urgent(0, 80);
    NEED(pthread_create(&low, NULL, low_main, &words[0]) == 0);
    UNTIL(words[1]);
    NEED(pthread_create(&middle, NULL, middle_main, &gave_up) == 0);
    UNTIL(middle_runs);
    NEED(pthread_create(&high, NULL, high_main, &words[0]) == 0);
    NEED(pthread_join(high, NULL) == 0 && pthread_join(low, NULL) == 0);
    NEED(pthread_join(middle, NULL) == 0);
    CHECK_EQ(gave_up, 0);
    CHECK_EQ(has_high, 1);
}

/* The most urgent has it next, whoever came first; and who becomes urgent while it waits. */
static void most_urgent_is_next(void) {
    need_realtime();
    be_urgent(0, 50);
    struct locker waiters[4];
    CHECK_EQ(lock_pi(&words[0]), 0);
    const int urgency[4] = {10, 30, 20, 5};
    for (int i = 0; i < 4; i++) {
        waiters[i] = (struct locker){.word = &words[0]};
        start_waiter(&waiters[i]);
        be_urgent(waiters[i].tid, urgency[i]);
    }
    CHECK_EQ(priority(self()), -51);
    be_urgent(waiters[3].tid, 70);
    CHECK_EQ(priority(self()), -71);
    be_urgent(waiters[3].tid, 15);
    CHECK_EQ(priority(self()), -51);
    const int order[4] = {1, 2, 3, 0};
    CHECK_EQ(unlock_pi(&words[0]), 0);
    for (int i = 0; i < 4; i++) {
        struct locker* next = &waiters[order[i]];
        CHECK_EQ(words[0], FUTEX_WAITERS | next->tid);
        UNTIL(next->has_it);
        end_locker(next);
    }
    CHECK_EQ(words[0], 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(lends_and_takes_back), CASE(time_out_takes_back),
                                          CASE(chains), CASE(inversion_ends),
                                          CASE(most_urgent_is_next), END});
}
