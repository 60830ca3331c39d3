/* Clocks that measure processor time, and timers on them. */
#include "tests/kernel_timers.h"

/* The clock ids as the kernel has them: ~number << 3, 4 for a thread, and which time. */
enum { kProf, kVirt, kSched, kThread = 4 };
static clockid_t clock_of(int pid, int what) { return (clockid_t)((unsigned)~pid << 3 | what); }

static int exists(clockid_t clock) {
    struct timespec now;
    return syscall(SYS_clock_gettime, clock, &now) == 0;
}

static void ids(void) {
    struct timespec time;
    clockid_t clock;
    CHECK_EQ(clock_getcpuclockid(0, &clock), 0);
    CHECK(exists(clock));
    CHECK_EQ(clock_getcpuclockid(getpid(), &clock), 0);
    CHECK(exists(clock));
    CHECK_EQ(clock_getcpuclockid(getppid(), &clock), 0);
    CHECK(exists(clock));
    CHECK(clock_getcpuclockid(0x3fffff, &clock) != 0);
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &clock), 0);
    CHECK(exists(clock));
    for (int what = 0; what < 3; what++) {
        CHECK(exists(clock_of(0, what)) && exists(clock_of(0, kThread | what)));
        CHECK(exists(clock_of(getpid(), what)) && exists(clock_of(getpid(), kThread | what)));
    }
    CHECK_ERRNO(syscall(SYS_clock_gettime, clock_of(0, 3), &time), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_gettime, clock_of(getppid(), kThread | kSched), &time), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_gettime, clock_of(0x3fffff, kSched), &time), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_gettime, 0x80000000, &time), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_getres, clock_of(0x3fffff, kSched), &time), EINVAL);
    CHECK(syscall(SYS_clock_getres, clock_of(0, kSched), &time) == 0);
    CHECK(time.tv_sec == 0 && time.tv_nsec == 1);
    CHECK(syscall(SYS_clock_getres, clock_of(0, kProf), &time) == 0);
    CHECK(time.tv_sec == 0 && time.tv_nsec >= MS);
}

/* Exact to much less than a tick, also while the thread runs. */
static void exactness(void) {
    long long wall = read_ns(CLOCK_MONOTONIC);
    long long last = read_ns(CLOCK_THREAD_CPUTIME_ID), start = last;
    for (int i = 0; i < 2000; i++) {
        long long now = read_ns(CLOCK_THREAD_CPUTIME_ID);
        NEED(now >= last);
        last = now;
    }
    CHECK(last > start);
    CHECK(last - start <= read_ns(CLOCK_MONOTONIC) - wall);
    start = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    sleep_ns(500 * MS); /* costs hardly anything */
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 450 * MS);
}

static void* burn_in_thread(void* tid) {
    *(volatile int*)tid = (int)syscall(SYS_gettid);
    burn_ns(200 * MS);
    sleep_ns(400 * MS);
    return NULL;
}
static void threads_and_processes(void) {
    pthread_t thread;
    volatile int tid = 0;
    clockid_t clock;
    long long process = read_ns(CLOCK_PROCESS_CPUTIME_ID), own = read_ns(CLOCK_THREAD_CPUTIME_ID);
    NEED(pthread_create(&thread, NULL, burn_in_thread, (void*)&tid) == 0);
    while (tid == 0) sleep_ns(MS);
    CHECK_EQ(pthread_getcpuclockid(thread, &clock), 0);
    while (read_ns(clock) < 200 * MS) sleep_ns(50 * MS);
    CHECK(read_ns(clock_of(tid, kThread | kSched)) >= 200 * MS);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 200 * MS);
    CHECK(read_ns(CLOCK_THREAD_CPUTIME_ID) - own < 150 * MS); /* we only slept */
    CHECK(!exists(clock_of(tid, kSched)) || tid == getpid()); /* no process has that number */
    pthread_join(thread, NULL);
    for (int i = 0; i < 1000 && exists(clock_of(tid, kThread | kSched)); i++) sleep_ns(MS);
    CHECK(!exists(clock_of(tid, kThread | kSched)));
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 200 * MS); /* the dead count */
}

/* Expires once so much was used, for the process and for a thread; waiting does not count. */
static void timers(void) {
    static const clockid_t kClocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int i = 0; i < 2; i++) {
        int id = new_timer(kClocks[i], 5);
        siginfo_t info;
        struct itimerspec now;
        long long start = read_ns(kClocks[i]);
        CHECK(k_set(id, 0, 10 * SEC, 0) == 0);
        CHECK(k_gettime(id, &now) == 0);
        CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 10 * SEC);
        start = read_ns(kClocks[i]);
        CHECK(k_set(id, 0, 30 * MS, 0) == 0);
        int early = take(SIG, &info, 60 * MS); /* only on a machine that stalls */
        while (!early && take(SIG, &info, 0) == 0) burn_ns(MS);
        CHECK(read_ns(kClocks[i]) - start >= 30 * MS);
        CHECK_EQ(info.si_code, SI_TIMER);
        CHECK_EQ(info.si_value.sival_int, 5);
        CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) == 0);
        /* Absolute; in the past at once. */
        long long when = read_ns(kClocks[i]) + 20 * MS;
        CHECK(k_set(id, TIMER_ABSTIME, when, 0) == 0);
        while (take(SIG, &info, 0) == 0) burn_ns(MS);
        CHECK(read_ns(kClocks[i]) >= when);
        CHECK(k_set(id, TIMER_ABSTIME, 1, 0) == 0);
        CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
        /* Periodic, with everything counted. */
        start = read_ns(kClocks[i]);
        CHECK(k_set(id, 0, 2 * MS, 2 * MS) == 0);
        burn_ns(40 * MS);
        CHECK_EQ(take(SIG, &info, 10 * SEC), SIG);
        CHECK(info.si_overrun >= 15);
        CHECK(info.si_overrun <= (read_ns(kClocks[i]) - start) / (2 * MS));
        CHECK_EQ(k_overrun(id), info.si_overrun);
        while (take(SIG, &info, 0) == 0) burn_ns(MS);
        CHECK(k_delete(id) == 0);
        burn_ns(10 * MS);
        take(SIG, &info, 0);
        burn_ns(10 * MS);
        CHECK_EQ(take(SIG, &info, 0), 0);
    }
}

static void none(void) {
    struct sigevent event = event_of(SIGEV_NONE, 0, 0);
    struct itimerspec now;
    int id;
    NEED(k_create(CLOCK_PROCESS_CPUTIME_ID, &event, &id) == 0);
    CHECK(k_set(id, 0, 10 * SEC, 0) == 0);
    CHECK(k_gettime(id, &now) == 0);
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 10 * SEC);
    CHECK(k_set(id, 0, 20 * MS, 0) == 0);
    burn_ns(30 * MS);
    CHECK(k_gettime(id, &now) == 0 && ns_of(now.it_value) == 0);
}

/* On the clock of another process, which then dies. */
static void of_another_process(void) {
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    siginfo_t info;
    int id;
    block(SIG);
    pid_t child = fork_or_die();
    if (child == 0) {
        for (;;) burn_ns(MS);
    }
    NEED(k_create(clock_of(child, kSched), &event, &id) == 0);
    CHECK(k_set(id, 0, 20 * MS, 0) == 0);
    CHECK_EQ(take(SIG, &info, 20 * SEC), SIG);
    CHECK(read_ns(clock_of(child, kSched)) >= 20 * MS);
    CHECK(k_set(id, 0, 1000 * SEC, 0) == 0);
    kill(child, SIGKILL);
    status_of(child);
    struct itimerspec now;
    k_gettime(id, &now);
    CHECK_ERRNO(k_set(id, 0, SEC, 0), ESRCH);
    CHECK(k_delete(id) == 0);
    CHECK_ERRNO(k_create(clock_of(child, kSched), &event, &id), EINVAL);
    CHECK_ERRNO(k_create(clock_of(getppid(), kThread | kSched), &event, &id), EINVAL);
    CHECK_ERRNO(k_create(clock_of(0, kThread | 3), &event, &id), EINVAL);
    CHECK_ERRNO(k_create(clock_of(0, 3), &event, &id), EOPNOTSUPP); /* a file's clock */
}

/* Threads that end while timers wait for their clocks. */
static void* short_lived(void* unused) {
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, 0);
    int id;
    if (k_create(CLOCK_THREAD_CPUTIME_ID, &event, &id) == 0) k_set(id, 0, 500 * MS, MS);
    if (k_create(CLOCK_THREAD_CPUTIME_ID, &event, &id) == 0) k_set(id, 0, MS, MS);
    burn_ns(3 * MS);
    return unused;
}
static void thread_ends_first(void) {
    pthread_t threads[8];
    handle(SIG, SA_RESTART);
    for (int i = 0; i < 8; i++) NEED(pthread_create(&threads[i], NULL, short_lived, NULL) == 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    struct itimerspec now;
    for (int id = 0; id < 16; id++) k_gettime(id, &now);
    for (int id = 0; id < 8; id++) CHECK(k_delete(id) == 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(ids), CASE(exactness), CASE(threads_and_processes),
                                          CASE(timers), CASE(none), CASE(of_another_process),
                                          CASE(thread_ends_first), END});
}
