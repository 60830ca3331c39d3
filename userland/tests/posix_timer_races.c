/* Many timers, and timers that several threads make, set and delete while they expire. */
#include "tests/kernel_timers.h"

#include <sys/resource.h>

/* After a successful delete or settime nothing comes of before. */
static void delete_takes_the_signal_back(void) {
    for (int i = 0; i < 200; i++) {
        int id = new_timer(CLOCK_MONOTONIC, i);
        siginfo_t info;
        CHECK(k_set(id, 0, 1 + i * 1000, 0) == 0);
        if (i % 2) sleep_ns(1);
        CHECK(k_delete(id) == 0);
        NEED(take(SIG, &info, 0) == 0 || info.si_value.sival_int == i);
        CHECK_EQ(take(SIG, &info, 0), 0);
    }
}

enum { kMany = 10000 };
static void many_timers(void) {
    static int ids[kMany];
    static char seen[kMany];
    siginfo_t info;
    struct rlimit limit;
    getrlimit(RLIMIT_SIGPENDING, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_SIGPENDING, &limit);
    int count = limit.rlim_max < kMany + 100 ? (int)limit.rlim_max / 2 : kMany;
    block(SIG);
    for (int i = 0; i < count; i++) ids[i] = new_timer(CLOCK_MONOTONIC, i);
    long long start = read_ns(CLOCK_MONOTONIC) + 20 * MS;
    for (int i = 0; i < count; i++) { /* in an order of their own */
        int n = (int)(i * 7919ll % count);
        NEED(k_set(ids[n], TIMER_ABSTIME, start + n * 1000ll, 0) == 0);
    }
    for (int i = 0; i < count; i++) {
        NEED(take(SIG, &info, 20 * SEC) == SIG);
        int n = info.si_value.sival_int;
        NEED(n >= 0 && n < count && !seen[n]);
        seen[n] = 1;
        NEED(read_ns(CLOCK_MONOTONIC) >= start + n * 1000ll);
    }
    for (int i = 0; i < count; i += 2) CHECK(k_delete(ids[i]) == 0); /* the rest dies with us */
}

enum { kRounds = 20 }; /* a number and not a time: signals must not starve a slow machine */
static void* racer(void* number) {
    unsigned seed = (unsigned)(long)number * 2654435761u + 1;
    struct itimerspec now;
    for (int round = 0; round < kRounds; round++) {
        struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
        int ids[8], count = 0;
        for (int i = 0; i < 8; i++) {
            seed = seed * 1103515245 + 12345;
            clockid_t clock = seed >> 20 & 3 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
            if (k_create(clock, &event, &ids[count]) == 0) count++;
        }
        for (int i = 0; i < 64 && count > 0; i++) {
            seed = seed * 1103515245 + 12345;
            int id = ids[seed >> 16 & 7];
            k_set(id, 0, (seed >> 8) % 50000 + 1, seed & 64 ? 300 * MS : 0);
            if (seed & 128) k_gettime(id, &now);
            if (seed & 256) k_overrun(id);
            if (seed & 512) k_set((int)(seed >> 16 & 63), 0, 1000, 300 * MS); /* somebody's */
        }
        for (int i = 0; i < count; i++) k_delete(ids[i]);
    }
    return NULL;
}
static void races(void) {
    pthread_t threads[4];
    alarm(4 * CASE_SECONDS); /* four processors on a busy host wait for each other's locks */
    handle(SIG, SA_RESTART);
    for (long i = 0; i < 4; i++) NEED(pthread_create(&threads[i], NULL, racer, (void*)i) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(handled > 0);
}

static void dies_with_running_timers(void) {
    for (int i = 0; i < 20; i++) {
        pid_t child = fork_or_die();
        if (child == 0) {
            handle(SIG, SA_RESTART);
            for (int k = 0; k < 10; k++) {
                struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
                int id;
                if (k_create(CLOCK_MONOTONIC, &event, &id) == 0) k_set(id, 0, 1000, 200 * MS + k);
            }
            if (i % 2) burn_ns(2 * MS);
            _exit(0);
        }
        CHECK_EXITED(status_of(child), 0);
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(delete_takes_the_signal_back), CASE(many_timers),
                                          CASE(races), CASE(dies_with_running_timers), END});
}
