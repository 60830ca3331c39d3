/* Clocks, sleeping, interval timers. Only lower bounds are checked: a machine may be slow. */
#include "tests/check.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

static const clockid_t kClocks[] = {
    CLOCK_REALTIME,      CLOCK_MONOTONIC,       CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
    CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,   CLOCK_BOOTTIME};

static long long read_ns(clockid_t clock) {
    struct timespec now;
    NEED(clock_gettime(clock, &now) == 0);
    NEED(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void clocks(void) {
    for (size_t i = 0; i < sizeof kClocks / sizeof *kClocks; i++) {
        struct timespec resolution;
        CHECK(clock_getres(kClocks[i], &resolution) == 0);
        CHECK(resolution.tv_sec == 0 && resolution.tv_nsec > 0);
        long long last = read_ns(kClocks[i]);
        for (int k = 0; k < 1000; k++) {
            long long next = read_ns(kClocks[i]);
            NEED(next >= last);
            last = next;
        }
    }
    struct timespec now;
    struct timeval day;
    CHECK_ERRNO(syscall(SYS_clock_gettime, 99, &now), EINVAL);
    CHECK(gettimeofday(&day, NULL) == 0);
    CHECK(llabs(day.tv_sec - read_ns(CLOCK_REALTIME) / 1000000000) <= 1);
    CHECK(llabs(time(NULL) - day.tv_sec) <= 1);
    CHECK(day.tv_sec > 900000000); /* some time after 1998 */
}

static void sleeping(void) {
    struct timespec ms20 = {0, 20000000}, left;
    long long start = read_ns(CLOCK_MONOTONIC);
    CHECK(nanosleep(&ms20, &left) == 0);
    CHECK(read_ns(CLOCK_MONOTONIC) - start >= 20000000);
    struct timespec bad = {0, 1000000000}, negative = {-1, 0};
    CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
    CHECK_ERRNO(nanosleep(&negative, NULL), EINVAL);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
    CHECK(read_ns(CLOCK_MONOTONIC) >= until.tv_sec * 1000000000ll + until.tv_nsec);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0); /* past: at once */
    CHECK_EQ(clock_nanosleep(99, 0, &ms20, NULL), EINVAL);
}

static volatile sig_atomic_t ticks;
static void tick(int signal) {
    (void)signal;
    ticks++;
}
static void on(int signal) {
    struct sigaction action = {.sa_handler = tick};
    sigaction(signal, &action, NULL);
}

static void interrupted_sleep(void) {
    struct itimerval soon = {{0, 0}, {0, 20000}};
    struct timespec long_time = {1000, 0}, left = {0, 0};
    on(SIGALRM);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERRNO(nanosleep(&long_time, &left), EINTR);
    CHECK(left.tv_sec > 900 && left.tv_sec < 1000);
    CHECK_EQ(ticks, 1);
}

static void intervals(void) {
    struct itimerval every = {{0, 5000}, {0, 5000}}, now, off = {{0, 0}, {0, 0}};
    long long start = read_ns(CLOCK_MONOTONIC);
    on(SIGALRM);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    while (ticks < 5) pause();
    CHECK(read_ns(CLOCK_MONOTONIC) - start >= 25000000);
    CHECK(getitimer(ITIMER_REAL, &now) == 0);
    CHECK(now.it_interval.tv_usec == 5000 && now.it_value.tv_sec == 0);
    CHECK(setitimer(ITIMER_REAL, &off, &now) == 0);
    CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_usec == 0);
    every.it_value.tv_usec = 1000000;
    CHECK_ERRNO(setitimer(ITIMER_REAL, &every, NULL), EINVAL);
    CHECK_ERRNO(setitimer(9, &off, NULL), EINVAL);
}

static void alarms(void) {
    sigset_t before;
    on(SIGALRM);
    alarm(0);
    CHECK_EQ(alarm(100), 0);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    NEED(sigprocmask(SIG_BLOCK, &mask, &before) == 0); /* it comes while we wait, not before */
    unsigned left = alarm(1);
    CHECK(left > 90 && left <= 100);
    CHECK_ERRNO(sigsuspend(&before), EINTR);
    CHECK_EQ(ticks, 1);
    CHECK_EQ(alarm(0), 0);
}

/* A timer dies with nobody: fork does not inherit it, exec keeps it. */
static void inheritance(void) {
    alarm(0);
    alarm(1000);
    pid_t child = fork_or_die();
    if (child == 0) _exit(alarm(0) != 0);
    CHECK_EXITED(status_of(child), 0);
    CHECK(alarm(0) > 0);
}

static void usage(void) {
    struct rusage before, after;
    struct tms times_now;
    CHECK(getrusage(RUSAGE_SELF, &before) == 0);
    long long start = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    while (read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 30000000) continue;
    CHECK(getrusage(RUSAGE_SELF, &after) == 0);
    long long spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000ll +
                      after.ru_utime.tv_usec - before.ru_utime.tv_usec +
                      (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000ll +
                      after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    CHECK(spent >= 10000);
    CHECK(times(&times_now) != (clock_t)-1);
    CHECK_ERRNO(getrusage(77, &after), EINVAL);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(clocks), CASE(sleeping), CASE(interrupted_sleep),
                                          CASE(intervals), CASE(alarms), CASE(inheritance),
                                          CASE(usage), END});
}
