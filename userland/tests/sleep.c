/* nanosleep and clock_nanosleep. Only lower bounds are checked: a machine may be slow. */
#include "tests/clock_util.h"

#include <sys/prctl.h>

/* The call itself, without what libc thinks of the clock: 0 or -1 and errno. */
static long k_sleep(clockid_t clock, int flags, const struct timespec* time,
                    struct timespec* left) {
    return syscall(SYS_clock_nanosleep, clock, flags, time, left);
}

static const clockid_t kClocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};

static void relative(void) {
    for (int i = 0; i < 4; i++) {
        struct timespec time = spec_of(10 * MS), left = {77, 77};
        long long start = read_ns(CLOCK_MONOTONIC);
        CHECK(k_sleep(kClocks[i], 0, &time, &left) == 0);
        CHECK(read_ns(CLOCK_MONOTONIC) - start >= 10 * MS);
        CHECK(left.tv_sec == 77); /* only written when interrupted */
    }
    struct timespec zero = {0, 0};
    CHECK(nanosleep(&zero, NULL) == 0);
}

static void absolute(void) {
    for (int i = 0; i < 4; i++) {
        struct timespec until = spec_of(read_ns(kClocks[i]) + 10 * MS), past = {1, 0};
        CHECK(k_sleep(kClocks[i], TIMER_ABSTIME, &until, NULL) == 0);
        CHECK(read_ns(kClocks[i]) >= ns_of(until));
        CHECK(k_sleep(kClocks[i], TIMER_ABSTIME, &past, NULL) == 0);
    }
}

/* Well below a tick. The emulator or the host may be late, but hardly each of 50 times. */
static void short_sleeps(void) {
    long long best = SEC;
    for (int i = 0; i < 50; i++) {
        struct timespec time = spec_of(50000);
        long long start = read_ns(CLOCK_MONOTONIC);
        CHECK(nanosleep(&time, NULL) == 0);
        long long took = read_ns(CLOCK_MONOTONIC) - start;
        CHECK(took >= 50000);
        if (took < best) best = took;
    }
    CHECK(best < 1 * MS);
}

static void errors(void) {
    struct timespec time = spec_of(MS), bad = {0, SEC}, negative = {-1, 0}, less = {0, -1};
    CHECK_ERRNO(k_sleep(99, 0, &time, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(10, 0, &time, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC_RAW, 0, &time, NULL), EOPNOTSUPP);
    CHECK_ERRNO(k_sleep(CLOCK_REALTIME_COARSE, 0, &time, NULL), EOPNOTSUPP);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC_COARSE, 0, &time, NULL), EOPNOTSUPP);
    CHECK_ERRNO(k_sleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL), EOPNOTSUPP);
    CHECK_ERRNO(k_sleep(-2, 0, &time, NULL), EINVAL); /* this thread's clock */
    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC, 0, &negative, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &less, NULL), EINVAL);
    CHECK_ERRNO(k_sleep(CLOCK_MONOTONIC, 0, (void*)unmapped_page(), NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_nanosleep, unmapped_page(), NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_nanosleep, &negative, NULL), EINVAL);
}

static void soon(int usec) {
    struct itimerval when = {{0, 0}, {0, usec}};
    setitimer(ITIMER_REAL, &when, NULL);
}

/* A handler ends a sleep whatever its flags say; only a distance has a rest. */
static void interrupted(void) {
    for (int restart = 0; restart < 2; restart++) {
        handle(SIGALRM, restart ? SA_RESTART : 0);
        struct timespec time = {1000, 0}, left = {0, 0};
        soon(10000);
        CHECK_ERRNO(nanosleep(&time, &left), EINTR);
        CHECK(left.tv_sec == 999);
        left.tv_sec = 77;
        time = spec_of(read_ns(CLOCK_MONOTONIC) + 30 * MS);
        soon(10000);
        long got = k_sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left);
        CHECK(got == -1 && errno == EINTR);
        CHECK_EQ(left.tv_sec, 77);
        soon(10000);
        time = spec_of(1000 * SEC);
        CHECK_ERRNO(nanosleep(&time, (void*)unmapped_page()), EFAULT);
    }
    CHECK_EQ(handled, 6);
}

/* A signal without a handler: the sleep goes on where it was. */
static void stopped_and_continued(void) {
    for (int absolute = 0; absolute < 2; absolute++) {
        pid_t child = fork_or_die();
        if (child == 0) {
            long long start = read_ns(CLOCK_MONOTONIC);
            struct timespec time = spec_of((absolute ? start : 0) + 800 * MS);
            CHECK(k_sleep(CLOCK_MONOTONIC, absolute, &time, NULL) == 0);
            CHECK(read_ns(CLOCK_MONOTONIC) - start >= 800 * MS);
            _exit(failed_checks != 0);
        }
        int status = 0;
        for (int i = 0; i < 2; i++) {
            sleep_ns(15 * MS);
            kill(child, SIGSTOP);
            CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
            sleep_ns(15 * MS);
            kill(child, SIGCONT);
        }
        CHECK_EXITED(status_of(child), 0);
    }
}

/* The clock is set: whoever waits for a date wakes, who waits for a while does not. */
static void setting_the_clock(void) {
    if (getuid() != 0 || access("/tests", F_OK) != 0) skip_case("would set this machine's clock");
    pid_t child[4];
    for (int i = 0; i < 4; i++) { /* relative and absolute on REALTIME, absolute on two others */
        static const clockid_t kClock[] = {CLOCK_REALTIME, CLOCK_REALTIME, CLOCK_MONOTONIC,
                                           CLOCK_BOOTTIME};
        child[i] = fork_or_die();
        if (child[i] == 0) {
            int is_absolute = i > 0;
            struct timespec time =
                spec_of((is_absolute ? read_ns(kClock[i]) : 0) + (i == 1 ? 100 * SEC : SEC / 2));
            long long start = read_ns(CLOCK_MONOTONIC);
            CHECK(k_sleep(kClock[i], is_absolute, &time, NULL) == 0);
            long long took = read_ns(CLOCK_MONOTONIC) - start;
            if (i == 1) CHECK(took < 60 * SEC);
            if (i != 1) CHECK(took >= SEC / 2);
            _exit(failed_checks != 0);
        }
    }
    sleep_ns(100 * MS);
    struct timespec later = spec_of(read_ns(CLOCK_REALTIME) + 200 * SEC);
    CHECK(clock_settime(CLOCK_REALTIME, &later) == 0);
    for (int i = 0; i < 4; i++) CHECK_EXITED(status_of(child[i]), 0);
    later = spec_of(read_ns(CLOCK_REALTIME) - 200 * SEC);
    CHECK(clock_settime(CLOCK_REALTIME, &later) == 0);
}

static volatile int burning;
static void* burner(void* unused) {
    while (burning) burn_ns(MS);
    return unused;
}
/* Sleeping until the process has used so much: another thread has to. */
static void on_process_time(void) {
    pthread_t thread;
    burning = 1;
    NEED(pthread_create(&thread, NULL, burner, NULL) == 0);
    long long start = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    struct timespec time = spec_of(20 * MS);
    CHECK(k_sleep(CLOCK_PROCESS_CPUTIME_ID, 0, &time, NULL) == 0);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 20 * MS);
    time = spec_of(start + 40 * MS);
    CHECK(k_sleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &time, NULL) == 0);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 40 * MS);
    burning = 0;
    pthread_join(thread, NULL);
    struct timespec left = {0, 0}, long_time = {1000, 0};
    handle(SIGALRM, 0);
    soon(10000);
    CHECK_ERRNO(k_sleep(CLOCK_PROCESS_CPUTIME_ID, 0, &long_time, &left), EINTR);
    CHECK(left.tv_sec == 999);
}

static void* slack_of_thread(void* unused) {
    (void)unused;
    long inherited = prctl(PR_GET_TIMERSLACK);
    prctl(PR_SET_TIMERSLACK, 5);
    prctl(PR_SET_TIMERSLACK, 0); /* back to what it began with */
    return (void*)(long)(inherited == 123456 && prctl(PR_GET_TIMERSLACK) == 123456);
}
static void slack(void) {
    pthread_t thread;
    void* as_wanted;
    long before = prctl(PR_GET_TIMERSLACK);
    CHECK(before > 0);
    CHECK(prctl(PR_SET_TIMERSLACK, 123456) == 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 123456);
    NEED(pthread_create(&thread, NULL, slack_of_thread, NULL) == 0);
    pthread_join(thread, &as_wanted);
    CHECK(as_wanted != NULL);
    CHECK(prctl(PR_SET_TIMERSLACK, 0) == 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), before);
    int fd = open("/proc/self/timerslack_ns", O_RDWR);
    if (fd < 0) return;
    char text[32] = "";
    CHECK(write(fd, "70000", 5) == 5);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
    CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
    CHECK(strcmp(text, "70000\n") == 0);
    CHECK_ERRNO(write(fd, "none", 4), EINVAL);
}

/* Many sleepers, each woken when it is time. */
static void many_sleepers(void) {
    for (int i = 0; i < 200; i++) {
        pid_t child = fork_or_die();
        if (child == 0) {
            long long until = read_ns(CLOCK_MONOTONIC) + (20 + i * 7 % 40) * MS;
            struct timespec time = spec_of(until);
            k_sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
            _exit(read_ns(CLOCK_MONOTONIC) < until);
        }
    }
    int status;
    while (wait(&status) > 0) CHECK_EXITED(status, 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(relative), CASE(absolute), CASE(short_sleeps), CASE(errors), CASE(interrupted),
        CASE(stopped_and_continued), CASE(setting_the_clock), CASE(on_process_time), CASE(slack),
        CASE(many_sleepers), END});
}
