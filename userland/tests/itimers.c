/* setitimer, getitimer, alarm, RLIMIT_CPU. Only lower bounds are checked. */
#include "tests/clock_util.h"

#include <sys/resource.h>

static int set(int which, long value_us, long interval_us) {
    struct itimerval timer = {{interval_us / 1000000, interval_us % 1000000},
                              {value_us / 1000000, value_us % 1000000}};
    return setitimer(which, &timer, NULL);
}
static long us_of(struct timeval time) { return time.tv_sec * 1000000 + time.tv_usec; }

static void arguments(void) {
    struct itimerval timer = {{0, 0}, {0, 0}};
    alarm(0);
    for (int which = 0; which < 3; which++) {
        CHECK(getitimer(which, &timer) == 0);
        CHECK(us_of(timer.it_value) == 0 && us_of(timer.it_interval) == 0);
        timer.it_value.tv_usec = 1000000;
        CHECK_ERRNO(setitimer(which, &timer, NULL), EINVAL);
        timer.it_value.tv_usec = -1;
        CHECK_ERRNO(setitimer(which, &timer, NULL), EINVAL);
        timer.it_value = (struct timeval){-1, 0};
        CHECK_ERRNO(setitimer(which, &timer, NULL), EINVAL);
        timer.it_value = (struct timeval){0, 0};
        timer.it_interval.tv_usec = 1000000;
        CHECK_ERRNO(setitimer(which, &timer, NULL), EINVAL);
        timer.it_interval.tv_usec = 0;
        CHECK_ERRNO(setitimer(which, (void*)unmapped_page(), NULL), EFAULT);
        CHECK_ERRNO(setitimer(which, &timer, (void*)unmapped_page()), EFAULT);
        CHECK_ERRNO(getitimer(which, (void*)unmapped_page()), EFAULT);
    }
    CHECK_ERRNO(setitimer(3, &timer, NULL), EINVAL);
    CHECK_ERRNO(setitimer(-1, &timer, NULL), EINVAL);
    CHECK_ERRNO(getitimer(3, &timer), EINVAL);
    timer.it_value = (struct timeval){0x7fffffffffff, 0}; /* as good as for ever */
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec > 1000000);
    CHECK(syscall(SYS_setitimer, ITIMER_REAL, NULL, NULL) == 0); /* null: off */
    CHECK(getitimer(ITIMER_REAL, &timer) == 0 && us_of(timer.it_value) == 0);
}

static void old_values(void) {
    alarm(0);
    for (int which = 0; which < 3; which++) {
        struct itimerval timer = {{5, 0}, {1000, 0}}, old;
        CHECK(setitimer(which, &timer, &old) == 0);
        CHECK(us_of(old.it_value) == 0);
        CHECK(getitimer(which, &old) == 0);
        CHECK(us_of(old.it_value) > 900000000 && us_of(old.it_value) <= 1000 * 1000000l + 10000);
        CHECK_EQ(us_of(old.it_interval), 5000000);
        timer = (struct itimerval){{0, 0}, {0, 0}};
        CHECK(setitimer(which, &timer, &old) == 0);
        CHECK(us_of(old.it_value) > 900000000);
        CHECK_EQ(us_of(old.it_interval), 5000000);
    }
}

static void real(void) {
    struct itimerval now;
    long long start = read_ns(CLOCK_MONOTONIC);
    sigset_t none;
    sigemptyset(&none);
    handle(SIGALRM, 0);
    block(SIGALRM); /* or it may come before we wait for it, on a machine that stalls */
    CHECK(set(ITIMER_REAL, 10000, 0) == 0);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    NEED(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
    CHECK(read_ns(CLOCK_MONOTONIC) - start >= 10 * MS);
    CHECK(getitimer(ITIMER_REAL, &now) == 0 && us_of(now.it_value) == 0);
    CHECK_EQ(handled, 1);
    start = read_ns(CLOCK_MONOTONIC);
    CHECK(set(ITIMER_REAL, 3000, 3000) == 0);
    while (handled < 6) pause();
    CHECK(read_ns(CLOCK_MONOTONIC) - start >= 15 * MS);
    CHECK(getitimer(ITIMER_REAL, &now) == 0);
    CHECK(us_of(now.it_value) > 0 && us_of(now.it_value) <= 3000);
    set(ITIMER_REAL, 0, 0);
}

/* With its signal blocked or ignored a timer costs nothing, and still goes on afterwards. */
static void real_without_a_taker(void) {
    siginfo_t info;
    block(SIGALRM);
    CHECK(set(ITIMER_REAL, 1, 1) == 0);
    burn_ns(10 * MS);
    CHECK_EQ(take(SIGALRM, &info, 10 * SEC), SIGALRM);
    CHECK_EQ(info.si_code, SI_KERNEL);
    CHECK_EQ(take(SIGALRM, &info, 10 * SEC), SIGALRM);
    /* Ignored, and then not. */
    signal(SIGALRM, SIG_IGN);
    CHECK(set(ITIMER_REAL, 0, 0) == 0);
}

/* Processor time: the signal comes when so much was used, not before. */
static void virtual_and_prof(void) {
    static const struct {
        int which, signal;
    } kKinds[] = {{ITIMER_VIRTUAL, SIGVTALRM}, {ITIMER_PROF, SIGPROF}};
    for (int i = 0; i < 2; i++) {
        struct itimerval now;
        handled = 0;
        handle(kKinds[i].signal, SA_RESTART);
        long long start = read_ns(CLOCK_PROCESS_CPUTIME_ID);
        CHECK(set(kKinds[i].which, 30000, 0) == 0);
        sleep_ns(60 * MS); /* does not count; but a machine that stalls may call it ours */
        CHECK(!handled || read_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 15 * MS);
        while (!handled) burn_ns(MS);
        CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 15 * MS); /* Linux counts by ticks */
        CHECK(getitimer(kKinds[i].which, &now) == 0 && us_of(now.it_value) == 0);
        CHECK(set(kKinds[i].which, 10000, 10000) == 0);
        while (handled < 4) burn_ns(MS);
        CHECK(getitimer(kKinds[i].which, &now) == 0);
        CHECK(us_of(now.it_value) > 0 && us_of(now.it_interval) == 10000);
        CHECK(set(kKinds[i].which, 0, 0) == 0);
        handled = 0;
        burn_ns(30 * MS);
        CHECK_EQ(handled, 0);
    }
}

static void* burn_in_thread(void* unused) {
    while (!handled) burn_ns(MS);
    return unused;
}
/* What a thread uses is used by the process. */
static void prof_of_threads(void) {
    pthread_t threads[2];
    handle(SIGPROF, SA_RESTART);
    CHECK(set(ITIMER_PROF, 50000, 0) == 0);
    for (int i = 0; i < 2; i++) NEED(pthread_create(&threads[i], NULL, burn_in_thread, NULL) == 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK_EQ(handled, 1);
}

static int after_exec(void) {
    struct itimerval now;
    for (int which = 0; which < 3; which++) {
        CHECK(getitimer(which, &now) == 0);
        CHECK(us_of(now.it_value) > 900000000 && us_of(now.it_interval) == 7000000);
    }
    return failed_checks != 0;
}
/* fork leaves them behind, exec keeps them. */
static void fork_and_exec(void) {
    for (int which = 0; which < 3; which++) set(which, 1000000000, 7000000);
    pid_t child = fork_or_die();
    if (child == 0) {
        struct itimerval now;
        for (int which = 0; which < 3; which++) {
            CHECK(getitimer(which, &now) == 0);
            CHECK(us_of(now.it_value) == 0 && us_of(now.it_interval) == 0);
            set(which, 1000000000, 7000000);
        }
        if (failed_checks) _exit(1);
        execl("/proc/self/exe", "itimers", "after_exec", NULL);
        _exit(access("/proc/self/exe", F_OK) == 0 ? 99 : 0);
    }
    CHECK_EXITED(status_of(child), 0);
}

static void alarms(void) {
    struct itimerval now;
    alarm(1000);
    unsigned left = alarm(0);
    CHECK(left > 900 && left <= 1000);
    CHECK_EQ(alarm(0), 0);
    CHECK_EQ(alarm(50), 0); /* the same timer as ITIMER_REAL */
    CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec >= 40);
    CHECK(alarm(0xffffffff) > 0);
    CHECK(alarm(0) > 1000000);

    /* What still runs is never told as 0. On a busy machine it may have run out: then once more. */
    handle(SIGALRM, SA_RESTART);
    int tries = 0;
    do {
        handled = 0;
        set(ITIMER_REAL, 400000, 0);
        left = alarm(0);
    } while (handled && ++tries < 20);
    CHECK_EQ(left, 1);
}

/* RLIMIT_CPU: SIGXCPU at the soft limit and each second from there, SIGKILL at the hard one. */
static void cpu_limit_kills(void) {
    pid_t child = fork_or_die();
    if (child == 0) {
        struct rlimit limit = {1, 1};
        setrlimit(RLIMIT_CPU, &limit);
        for (;;) continue;
    }
    CHECK_KILLED(status_of(child), SIGKILL);
}
static void cpu_limit_warns(void) {
    struct rlimit limit = {1, 100}, now;
    handle(SIGXCPU, SA_RESTART);
    CHECK(setrlimit(RLIMIT_CPU, &limit) == 0);
    while (handled < 1) burn_ns(10 * MS);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) >= SEC / 2);
    CHECK(getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_cur == 2);
    pid_t child = fork_or_die(); /* inherits the limit, not the time */
    if (child == 0) {
        handled = 0;
        signal(SIGXCPU, SIG_DFL);
        burn_ns(100 * MS);
        limit.rlim_cur = 0;
        setrlimit(RLIMIT_CPU, &limit);
        for (;;) continue;
    }
    CHECK_KILLED(status_of(child), SIGXCPU);
}

int main(int argc, char** argv) {
    if (argc == 2 && strcmp(argv[1], "after_exec") == 0) return after_exec();
    return run_cases((struct test_case[]){CASE(arguments), CASE(old_values), CASE(real),
                                          CASE(real_without_a_taker), CASE(virtual_and_prof),
                                          CASE(prof_of_threads), CASE(fork_and_exec), CASE(alarms),
                                          CASE(cpu_limit_kills), CASE(cpu_limit_warns), END});
}
