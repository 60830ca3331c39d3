/* timer_create and relatives. Only lower bounds are checked: a machine may be slow. */
#include "tests/kernel_timers.h"

#include <sys/resource.h>

static void create_arguments(void) {
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    int id;
    CHECK_ERRNO(k_create(99, &event, &id), EINVAL);
    CHECK_ERRNO(k_create(10, &event, &id), EINVAL);
    CHECK_ERRNO(k_create(CLOCK_REALTIME_COARSE, &event, &id), EOPNOTSUPP);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC_COARSE, &event, &id), EOPNOTSUPP);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC_RAW, &event, &id), EOPNOTSUPP);
    event.sigev_signo = 0;
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event.sigev_signo = 65;
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event.sigev_signo = -1;
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(3, SIG, 0);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(SIGEV_NONE | SIGEV_THREAD_ID, SIG, 0);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(SIGEV_THREAD_ID, SIG, 0);
    event.sigev_notify_thread_id = 1; /* init's, or in any case not ours */
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(SIGEV_NONE, 0, 0); /* needs no signal number */
    CHECK(k_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(k_delete(id) == 0);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, (void*)unmapped_page(), &id), EFAULT);
    event = event_of(SIGEV_SIGNAL, SIG, 0);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, (void*)unmapped_page()), EFAULT);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, (void*)page_with(PROT_READ)), EFAULT);
    for (int clock = 0; clock <= 11; clock++) { /* the clocks that there are */
        if (clock >= 4 && clock <= 10 && clock != CLOCK_BOOTTIME) continue;
        CHECK(k_create(clock, &event, &id) == 0);
        CHECK(k_delete(id) == 0);
    }
}

static void alarm_clocks_need_a_capability(void) {
    static const clockid_t kAlarms[] = {CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};
    for (int i = 0; i < 2; i++) {
        struct sigevent event = event_of(SIGEV_NONE, 0, 0);
        int id;
        long made = k_create(kAlarms[i], &event, &id);
        CHECK(made == 0 || errno == EOPNOTSUPP || errno == EPERM); /* the host may lack the clock */
        if (made == 0) CHECK(k_delete(id) == 0);
        if (made != 0 && errno == EOPNOTSUPP) continue;
        pid_t child = fork_or_die();
        if (child == 0) {
            if (setuid(12345) != 0) _exit(0);
            CHECK_ERRNO(k_create(kAlarms[i], &event, &id), EPERM);
            _exit(failed_checks != 0);
        }
        CHECK_EXITED(status_of(child), 0);
    }
}

static void bad_ids(void) {
    static const int kBad[] = {-1, 0x7fffffff, (int)0x80000000, 12345};
    struct itimerspec spec = timer_spec(SEC, 0);
    for (int i = 0; i < 4; i++) { /* before there is any, and when there is one */
        if (i == 2) new_timer(CLOCK_MONOTONIC, 0);
        CHECK_ERRNO(k_settime(kBad[i], 0, &spec, NULL), EINVAL);
        CHECK_ERRNO(k_gettime(kBad[i], &spec), EINVAL);
        CHECK_ERRNO(k_overrun(kBad[i]), EINVAL);
        CHECK_ERRNO(k_delete(kBad[i]), EINVAL);
    }
    int id = new_timer(CLOCK_MONOTONIC, 0);
    CHECK(k_delete(id) == 0);
    CHECK_ERRNO(k_delete(id), EINVAL);
    CHECK_ERRNO(k_set(id, 0, SEC, 0), EINVAL);
}

static void settime_arguments(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    struct itimerspec bad = timer_spec(SEC, 0);
    bad.it_value.tv_nsec = SEC;
    CHECK_ERRNO(k_settime(id, 0, &bad, NULL), EINVAL);
    bad.it_value.tv_nsec = -1;
    CHECK_ERRNO(k_settime(id, 0, &bad, NULL), EINVAL);
    bad = timer_spec(SEC, 0);
    bad.it_value.tv_sec = -1;
    CHECK_ERRNO(k_settime(id, 0, &bad, NULL), EINVAL);
    bad = timer_spec(SEC, SEC);
    bad.it_interval.tv_nsec = SEC;
    CHECK_ERRNO(k_settime(id, 0, &bad, NULL), EINVAL);
    CHECK_ERRNO(k_settime(id, 0, NULL, NULL), EINVAL);
    CHECK_ERRNO(k_settime(id, 0, (void*)unmapped_page(), NULL), EFAULT);
    CHECK_ERRNO(k_gettime(id, (void*)unmapped_page()), EFAULT);
    struct itimerspec now;
    CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) == 0); /* nothing of that set it */
    struct itimerspec good = timer_spec(100 * SEC, 0);
    CHECK_ERRNO(k_settime(id, 0, &good, (void*)unmapped_page()), EFAULT);
    CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) > 0); /* too late to undo */
    struct itimerspec longest = {.it_value = {0x7fffffffffffffff, 999999999},
                                 .it_interval = {0x7fffffffffffffff, 999999999}};
    CHECK(k_settime(id, 0, &longest, NULL) == 0);
    CHECK(k_settime(id, TIMER_ABSTIME, &longest, NULL) == 0);
    CHECK(k_gettime(id, &now) == 0 && now.it_value.tv_sec > 1000000);
    CHECK(take(SIG, NULL, 5 * MS) == 0);
}

static void one_shot(void) {
    static const clockid_t kClocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    for (int i = 0; i < 4; i++) {
        int id = new_timer(kClocks[i], 4711);
        struct itimerspec now;
        siginfo_t info;
        long long start = read_ns(CLOCK_MONOTONIC);
        CHECK(k_set(id, 0, 10 * SEC, 0) == 0);
        CHECK(k_gettime(id, &now) == 0);
        CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 10 * SEC);
        CHECK(ns_of(now.it_interval) == 0);
        start = read_ns(CLOCK_MONOTONIC);
        CHECK(k_set(id, 0, 20 * MS, 0) == 0);
        CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
        CHECK(read_ns(CLOCK_MONOTONIC) - start >= 20 * MS);
        CHECK_EQ(info.si_code, SI_TIMER);
        CHECK_EQ(info.si_timerid, id);
        CHECK_EQ(info.si_value.sival_int, 4711);
        CHECK_EQ(info.si_overrun, 0);
        CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) == 0);
        CHECK_EQ(k_overrun(id), 0);
        CHECK_EQ(take(SIG, &info, 5 * MS), 0);
        /* The same with a time of the clock, and with one that is past. */
        long long when = read_ns(kClocks[i]) + 20 * MS;
        CHECK(k_set(id, TIMER_ABSTIME, when, 0) == 0);
        CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
        CHECK(read_ns(kClocks[i]) >= when);
        CHECK(k_set(id, TIMER_ABSTIME, 1, 0) == 0);
        CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
        CHECK(k_delete(id) == 0);
    }
}

static void default_event(void) {
    int id = -1;
    siginfo_t info;
    block(SIGALRM);
    NEED(k_create(CLOCK_MONOTONIC, NULL, &id) == 0);
    CHECK(k_set(id, 0, MS, 0) == 0);
    CHECK_EQ(take(SIGALRM, &info, 10 * SEC), SIGALRM);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK_EQ(info.si_value.sival_int, id);
    CHECK_EQ(info.si_timerid, id);
}

static void old_value(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    struct itimerspec set = timer_spec(1000 * SEC, 3 * SEC), old, now;
    CHECK(k_settime(id, 0, &set, &old) == 0);
    CHECK(ns_of(old.it_value) == 0 && ns_of(old.it_interval) == 0);
    set = timer_spec(0, 5 * SEC); /* off: the interval counts for nothing */
    CHECK(k_settime(id, 0, &set, &old) == 0);
    CHECK(ns_of(old.it_value) > 900 * SEC && ns_of(old.it_value) <= 1000 * SEC);
    CHECK_EQ(ns_of(old.it_interval), 3 * SEC);
    CHECK(k_gettime(id, &now) == 0);
    CHECK_EQ(ns_of(now.it_value), 0);
    CHECK_EQ(ns_of(now.it_interval), 0);
}

static void periodic(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    siginfo_t info;
    struct itimerspec now;
    long long start = read_ns(CLOCK_MONOTONIC);
    long long told = 0;
    CHECK(k_set(id, 0, 5 * MS, 5 * MS) == 0);
    for (int i = 0; i < 10; i++) {
        NEED(take(SIG, &info, 10 * SEC) == SIG);
        told += 1 + info.si_overrun;
        CHECK_EQ(k_overrun(id), info.si_overrun);
    }
    long long elapsed = read_ns(CLOCK_MONOTONIC) - start;
    CHECK(elapsed >= 50 * MS);
    CHECK(told >= 10 && told <= elapsed / (5 * MS)); /* every expiry is told, none twice */
    CHECK(k_gettime(id, &now) == 0);
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 5 * MS);
    CHECK_EQ(ns_of(now.it_interval), 5 * MS);
}

/* While its signal is blocked a timer does not queue it twice, but counts. */
static void overrun(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    siginfo_t info;
    struct itimerspec now;
    long long start = read_ns(CLOCK_MONOTONIC);
    CHECK(k_set(id, 0, MS, MS) == 0);
    sleep_ns(50 * MS);
    CHECK(k_gettime(id, &now) == 0); /* looks as if it ran all the time */
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= MS);
    CHECK_EQ(take(SIG, &info, 0), SIG);
    long long elapsed = read_ns(CLOCK_MONOTONIC) - start;
    CHECK(info.si_overrun >= 48 && info.si_overrun <= elapsed / MS);
    CHECK_EQ(k_overrun(id), info.si_overrun);
    CHECK(k_set(id, 0, 0, 0) == 0);
    CHECK_EQ(k_overrun(id), 0);
}

/* Nobody takes the signal, so the timer may not use the processor up. */
static void tiny_interval_does_not_flood(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    siginfo_t info;
    CHECK(k_set(id, 0, 1, 1) == 0);
    burn_ns(20 * MS);
    CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
    CHECK(info.si_overrun >= 20 * MS / 2);
    signal(SIG, SIG_IGN);
    burn_ns(20 * MS);
    CHECK(k_delete(id) == 0);
}

/* An ignored signal is not the end of a timer. */
static void ignored_then_not(void) {
    int id;
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    signal(SIG, SIG_IGN);
    NEED(k_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(k_set(id, 0, 2 * MS, 2 * MS) == 0);
    sleep_ns(20 * MS);
    handle(SIG, 0);
    for (int i = 0; i < 1000 && handled < 3; i++) sleep_ns(10 * MS);
    CHECK(handled >= 3);
    /* The same when it was pending. */
    block(SIG);
    sleep_ns(10 * MS);
    signal(SIG, SIG_IGN);
    sleep_ns(10 * MS);
    handle(SIG, 0);
    siginfo_t info;
    CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
    CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
}

static void none(void) {
    struct sigevent event = event_of(SIGEV_NONE, 0, 0);
    struct itimerspec now;
    int id;
    NEED(k_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(k_set(id, 0, 10 * SEC, 0) == 0);
    CHECK(k_gettime(id, &now) == 0);
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 10 * SEC);
    CHECK(k_set(id, 0, 20 * MS, 0) == 0);
    sleep_ns(30 * MS);
    CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) == 0);
    CHECK(k_set(id, 0, 10 * MS, 7 * MS) == 0);
    sleep_ns(30 * MS);
    CHECK(k_gettime(id, &now) == 0);
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 7 * MS);
}

static void* take_in_thread(void* tid) {
    *(volatile int*)tid = (int)syscall(SYS_gettid);
    siginfo_t info;
    return (void*)(long)take(SIG, &info, 20 * SEC);
}

/* SIGEV_THREAD_ID: no other thread gets it; with the thread the timer has nobody to tell. */
static void thread_id(void) {
    pthread_t thread;
    volatile int tid = 0;
    void* got = NULL;
    int id;
    block(SIG);
    NEED(pthread_create(&thread, NULL, take_in_thread, (void*)&tid) == 0);
    while (tid == 0) sleep_ns(MS);
    struct sigevent event = event_of(SIGEV_THREAD_ID, SIG, 0);
    event.sigev_notify_thread_id = tid;
    NEED(k_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(k_set(id, 0, 5 * MS, 5 * MS) == 0);
    CHECK_EQ(take(SIG, NULL, 50 * MS), 0);
    pthread_join(thread, &got);
    CHECK_EQ((long)got, SIG);
    CHECK_EQ(take(SIG, NULL, 30 * MS), 0);
    CHECK(k_delete(id) == 0);
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    NEED(k_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(k_set(id, 0, 5 * MS, 0) == 0);
    CHECK_EQ(take(SIG, NULL, 10 * SEC), SIG);
}

/* libc's SIGEV_THREAD. */
static volatile int thread_value;
static void in_new_thread(union sigval value) { thread_value = value.sival_int; }
static void sigev_thread(void) {
    struct sigevent event = event_of(SIGEV_THREAD, 0, 77);
    event.sigev_notify_function = in_new_thread;
    timer_t timer;
    struct itimerspec spec = timer_spec(5 * MS, 0);
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &spec, NULL) == 0);
    for (int i = 0; i < 1000 && thread_value == 0; i++) sleep_ns(10 * MS);
    CHECK_EQ(thread_value, 77);
    CHECK(timer_delete(timer) == 0);
}

static void fork_does_not_inherit(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    CHECK(k_set(id, 0, 50 * MS, 0) == 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        struct itimerspec now;
        CHECK_ERRNO(k_gettime(id, &now), EINVAL);
        CHECK_EQ(take(SIG, NULL, 80 * MS), 0);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(child), 0);
    CHECK_EQ(take(SIG, NULL, 10 * SEC), SIG);
}

/* This program again: argv[1] says what for. */
static int after_exec(int id) {
    struct itimerspec now;
    CHECK_ERRNO(k_gettime(id, &now), EINVAL);
    CHECK_EQ(take(SIG, NULL, 50 * MS), 0);
    return failed_checks != 0;
}
static void exec_deletes(void) {
    int id = new_timer(CLOCK_MONOTONIC, 0);
    int pending = new_timer(CLOCK_MONOTONIC, 0);
    CHECK(k_set(id, 0, 20 * MS, 20 * MS) == 0);
    CHECK(k_set(pending, 0, 1, 0) == 0);
    sleep_ns(2 * MS);
    pid_t child = fork_or_die();
    if (child == 0) {
        id = new_timer(CLOCK_MONOTONIC, 0);
        k_set(id, 0, 20 * MS, 20 * MS);
        char number[16];
        snprintf(number, sizeof number, "%d", id);
        execl("/proc/self/exe", "posix_timers", "after_exec", number, NULL);
        _exit(99);
    }
    CHECK_EXITED(status_of(child), 0);
}

static void pending_limit(void) {
    struct rlimit zero = {0, 0};
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    int id;
    CHECK(setrlimit(RLIMIT_SIGPENDING, &zero) == 0);
    CHECK_ERRNO(k_create(CLOCK_MONOTONIC, &event, &id), EAGAIN);
}

static void proc_timers(void) {
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    char text[4096], wanted[512];
    int first, second;
    event.sigev_value.sival_ptr = (void*)0x1234;
    NEED(k_create(CLOCK_MONOTONIC, &event, &first) == 0);
    event = event_of(SIGEV_NONE, 0, 0);
    NEED(k_create(CLOCK_BOOTTIME, &event, &second) == 0);
    int fd = open("/proc/self/timers", O_RDONLY);
    if (fd < 0) skip_case("no /proc/<pid>/timers");
    ssize_t count = read(fd, text, sizeof text - 1);
    NEED(count > 0);
    text[count] = 0;
    snprintf(wanted, sizeof wanted,
             "ID: %d\nsignal: %d/0000000000001234\nnotify: signal/pid.%d\nClockID: 1\n", first, SIG,
             getpid());
    CHECK(strstr(text, wanted) != NULL);
    snprintf(wanted, sizeof wanted,
             "ID: %d\nsignal: 0/0000000000000000\nnotify: none/pid.%d\nClockID: 7\n", second,
             getpid());
    CHECK(strstr(text, wanted) != NULL); /* in whatever order */
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "after_exec") == 0) return after_exec(atoi(argv[2]));
    return run_cases((struct test_case[]){
        CASE(create_arguments), CASE(alarm_clocks_need_a_capability), CASE(bad_ids),
        CASE(settime_arguments), CASE(one_shot), CASE(default_event), CASE(old_value),
        CASE(periodic), CASE(overrun), CASE(tiny_interval_does_not_flood), CASE(ignored_then_not),
        CASE(none), CASE(thread_id), CASE(sigev_thread), CASE(fork_does_not_inherit),
        CASE(exec_deletes), CASE(pending_limit), CASE(proc_timers), END});
}
