/* timerfd_create and relatives. Only lower bounds are checked: a machine may be slow. */
#include "tests/clock_util.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

static int new_timer(clockid_t clock, int flags) {
    int fd = timerfd_create(clock, flags);
    NEED(fd >= 0);
    return fd;
}
static int set(int fd, int flags, long long value, long long interval) {
    struct itimerspec spec = timer_spec(value, interval);
    return timerfd_settime(fd, flags, &spec, NULL);
}
static long long ticks_of(int fd) {
    uint64_t ticks = 0;
    return read(fd, &ticks, sizeof ticks) == sizeof ticks ? (long long)ticks : -1;
}
static int readable(int fd, int timeout_ms) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT};
    return poll(&poll_fd, 1, timeout_ms) == 1 ? poll_fd.revents : 0;
}

static void arguments(void) {
    struct itimerspec spec = timer_spec(SEC, 0);
    CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_TAI, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC_COARSE, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC_RAW, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK_ERRNO(timerfd_create(-6, 0), EINVAL);
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    CHECK_ERRNO(timerfd_settime(fd, 4, &spec, NULL), EINVAL);
    CHECK_ERRNO(timerfd_settime(fd, -1, &spec, NULL), EINVAL);
    spec.it_value.tv_nsec = SEC;
    CHECK_ERRNO(timerfd_settime(fd, 0, &spec, NULL), EINVAL);
    spec = timer_spec(SEC, SEC);
    spec.it_interval.tv_nsec = -1;
    CHECK_ERRNO(timerfd_settime(fd, 0, &spec, NULL), EINVAL);
    spec = timer_spec(SEC, 0);
    spec.it_value.tv_sec = -1;
    CHECK_ERRNO(timerfd_settime(fd, 0, &spec, NULL), EINVAL);
    CHECK_ERRNO(timerfd_settime(fd, 0, (void*)unmapped_page(), NULL), EFAULT);
    spec = timer_spec(SEC, 0);
    CHECK_ERRNO(timerfd_settime(fd, 0, &spec, (void*)unmapped_page()), EFAULT);
    CHECK_ERRNO(timerfd_gettime(fd, (void*)unmapped_page()), EFAULT);
    CHECK_ERRNO(timerfd_settime(-1, 0, &spec, NULL), EBADF);
    CHECK_ERRNO(timerfd_gettime(1000, &spec), EBADF);
    int other = open("/dev/null", O_RDWR);
    CHECK_ERRNO(timerfd_settime(other, 0, &spec, NULL), EINVAL);
    CHECK_ERRNO(timerfd_gettime(other, &spec), EINVAL);
    uint64_t value = 1;
    CHECK_ERRNO(read(fd, &value, 7), EINVAL);
    CHECK_ERRNO(write(fd, &value, 8), EINVAL);
    set(fd, 0, 1, 0);
    CHECK_ERRNO(read(fd, unmapped_page(), 8), EFAULT);
}

static void alarm_clocks_need_a_capability(void) {
    pid_t child = fork_or_die();
    if (child == 0) {
        if (setuid(12345) != 0) _exit(0);
        CHECK_ERRNO(timerfd_create(CLOCK_REALTIME_ALARM, 0), EPERM);
        CHECK_ERRNO(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), EPERM);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(child), 0);
}

static void flags(void) {
    int plain = new_timer(CLOCK_MONOTONIC, 0);
    int both = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK_EQ(fcntl(plain, F_GETFD), 0);
    CHECK_EQ(fcntl(plain, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDWR);
    CHECK_EQ(fcntl(both, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(both, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDWR | O_NONBLOCK);
    uint64_t ticks;
    CHECK_ERRNO(read(both, &ticks, sizeof ticks), EAGAIN);
    char name[64] = "";
    if (readlink("/proc/self/fd/0", name, sizeof name - 1) < 0) return;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", plain);
    memset(name, 0, sizeof name);
    CHECK(readlink(link, name, sizeof name - 1) > 0);
    CHECK(strcmp(name, "anon_inode:[timerfd]") == 0);
}

static void expiring(void) {
    static const clockid_t kClocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        int fd = new_timer(kClocks[i], 0);
        struct itimerspec now;
        long long start = read_ns(CLOCK_MONOTONIC);
        CHECK(set(fd, 0, 10 * SEC, 0) == 0);
        CHECK_EQ(readable(fd, 0), 0);
        CHECK(timerfd_gettime(fd, &now) == 0);
        CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 10 * SEC);
        start = read_ns(CLOCK_MONOTONIC);
        CHECK(set(fd, 0, 20 * MS, 0) == 0);
        CHECK_EQ(ticks_of(fd), 1);
        CHECK(read_ns(CLOCK_MONOTONIC) - start >= 20 * MS);
        CHECK(timerfd_gettime(fd, &now) == 0 && ns_of(now.it_value) == 0);
        CHECK_EQ(readable(fd, 0), 0);
        long long when = read_ns(kClocks[i]) + 10 * MS;
        CHECK(set(fd, TFD_TIMER_ABSTIME, when, 0) == 0);
        CHECK_EQ(readable(fd, 10000), POLLIN);
        CHECK(read_ns(kClocks[i]) >= when);
        CHECK_EQ(ticks_of(fd), 1);
        CHECK(set(fd, TFD_TIMER_ABSTIME, 1, 0) == 0); /* long past */
        CHECK_EQ(ticks_of(fd), 1);
        close(fd);
    }
}

static void periodic(void) {
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    long long start = read_ns(CLOCK_MONOTONIC), sum = 0;
    CHECK(set(fd, 0, 2 * MS, 3 * MS) == 0);
    for (int i = 0; i < 5; i++) sum += ticks_of(fd);
    sleep_ns(50 * MS);
    long long missed = ticks_of(fd);
    CHECK(missed >= 15);
    sum += missed;
    long long elapsed = read_ns(CLOCK_MONOTONIC) - start;
    CHECK(sum >= 5 && sum <= (elapsed - 2 * MS) / (3 * MS) + 1);
    struct itimerspec now; /* 0 is what one sees whose machine stood still over an expiry */
    for (int i = 0; i < 100; i++) {
        CHECK(timerfd_gettime(fd, &now) == 0);
        if (ns_of(now.it_value) > 0) break;
    }
    CHECK_EQ(ns_of(now.it_interval), 3 * MS);
    CHECK(ns_of(now.it_value) > 0);
    if (ns_of(now.it_value) > 3 * MS) CHECK_EQ(ns_of(now.it_value), 3 * MS);
    /* An interval that nobody could follow. */
    CHECK(set(fd, 0, 1, 1) == 0);
    burn_ns(10 * MS);
    CHECK(ticks_of(fd) > 10 * MS / 2);
}

static void setting_again(void) {
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec spec = timer_spec(1000 * SEC, 7 * SEC), old;
    CHECK(timerfd_settime(fd, 0, &spec, &old) == 0);
    CHECK(ns_of(old.it_value) == 0 && ns_of(old.it_interval) == 0);
    spec = timer_spec(1, 0);
    CHECK(timerfd_settime(fd, 0, &spec, &old) == 0);
    CHECK(ns_of(old.it_value) > 900 * SEC && ns_of(old.it_value) <= 1000 * SEC);
    CHECK_EQ(ns_of(old.it_interval), 7 * SEC);
    CHECK_EQ(readable(fd, 10000), POLLIN);
    CHECK(set(fd, 0, 1000 * SEC, 0) == 0); /* forgets what expired before */
    CHECK_EQ(readable(fd, 0), 0);
    CHECK_EQ(ticks_of(fd), -1);
    CHECK(set(fd, 0, 0, 0) == 0);
    CHECK(timerfd_gettime(fd, &old) == 0 && ns_of(old.it_value) == 0);
}

static void with_epoll(void) {
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, got;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0);
    CHECK(set(fd, 0, 5 * MS, 5 * MS) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(epoll_wait(epoll, &got, 1, 10000), 1);
        CHECK_EQ(got.events, EPOLLIN);
        CHECK(ticks_of(fd) >= 1);
    }
}

/* One timer, however many descriptors: a fork's too. */
static void shared_by_fork(void) {
    int fd = new_timer(CLOCK_MONOTONIC, 0), twin = dup(fd);
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK(set(fd, 0, 10 * MS, 0) == 0);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(child), 0);
    CHECK_EQ(ticks_of(twin), 1);
    close(fd);
    CHECK(set(twin, 0, MS, 0) == 0);
    CHECK_EQ(ticks_of(twin), 1);
}

static void interrupted_read(void) {
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    struct itimerval soon = {{0, 0}, {0, 10000}};
    uint64_t ticks;
    handle(SIGALRM, 0);
    CHECK(set(fd, 0, 1000 * SEC, 0) == 0);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERRNO(read(fd, &ticks, sizeof ticks), EINTR);
}

static void fdinfo(void) {
    char name[64], text[1024] = "", wanted[256];
    int fd = new_timer(CLOCK_BOOTTIME, 0);
    CHECK(set(fd, TFD_TIMER_ABSTIME, 1, 0) == 0);
    CHECK_EQ(readable(fd, 10000), POLLIN);
    CHECK(set(fd, 0, 1000 * SEC, 3 * SEC + 5) == 0);
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    int info = open(name, O_RDONLY);
    if (info < 0) skip_case("no /proc");
    CHECK(read(info, text, sizeof text - 1) > 0);
    snprintf(wanted, sizeof wanted, "clockid: 7\nticks: 0\nsettime flags: 00\nit_value: (999, ");
    CHECK(strstr(text, wanted) != NULL);
    CHECK(strstr(text, ")\nit_interval: (3, 5)\n") != NULL);
    if (strstr(text, wanted) == NULL) printf("# %s", text);
}

static void setting_ticks(void) {
    const unsigned long kSetTicks = _IOW('T', 0, uint64_t);
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t ticks = 42;
    if (ioctl(fd, kSetTicks, &ticks) == -1 && errno == ENOTTY) skip_case("no TFD_IOC_SET_TICKS");
    CHECK_EQ(ticks_of(fd), 42);
    ticks = 0;
    CHECK_ERRNO(ioctl(fd, kSetTicks, &ticks), EINVAL);
    CHECK_ERRNO(ioctl(fd, kSetTicks, unmapped_page()), EFAULT);
    CHECK_ERRNO(ioctl(fd, _IO('T', 77)), ENOTTY);
}

/* Whoever waits for a date is told that somebody has set the clock. */
static void cancel_on_set(void) {
    const int kBoth = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    int watching = new_timer(CLOCK_REALTIME, TFD_NONBLOCK), other = new_timer(CLOCK_REALTIME, 0);
    int monotonic = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    long long now = read_ns(CLOCK_REALTIME);
    CHECK(set(monotonic, kBoth, 1000000 * SEC, 0) == 0); /* means nothing there */
    CHECK(set(watching, kBoth, now + 1000 * SEC, 0) == 0);
    CHECK(set(other, TFD_TIMER_ABSTIME, now + 1000 * SEC, 0) == 0);
    struct timespec same;
    clock_gettime(CLOCK_REALTIME, &same);
    if (getuid() != 0 || access("/tests", F_OK) != 0) skip_case("would set this machine's clock");
    CHECK(clock_settime(CLOCK_REALTIME, &same) == 0);
    CHECK_EQ(readable(watching, 10000), POLLIN);
    uint64_t ticks;
    CHECK_ERRNO(read(watching, &ticks, sizeof ticks), ECANCELED);
    CHECK_ERRNO(read(watching, &ticks, sizeof ticks), EAGAIN);
    CHECK_EQ(readable(other, 0), 0);
    CHECK_EQ(readable(monotonic, 0), 0);
    /* Not read, but set again: that tells it, too, and the timer runs. */
    CHECK(clock_settime(CLOCK_REALTIME, &same) == 0);
    CHECK_ERRNO(set(watching, kBoth, read_ns(CLOCK_REALTIME) + 5 * MS, 0), ECANCELED);
    CHECK_EQ(readable(watching, 10000), POLLIN);
    CHECK_EQ(ticks_of(watching), 1);
    /* A date that the clock jumps over. */
    now = read_ns(CLOCK_REALTIME);
    CHECK(set(other, TFD_TIMER_ABSTIME, now + 100 * SEC, 0) == 0);
    same = spec_of(now + 200 * SEC);
    CHECK(clock_settime(CLOCK_REALTIME, &same) == 0);
    CHECK_EQ(readable(other, 10000), POLLIN);
    CHECK_EQ(ticks_of(other), 1);
    same = spec_of(read_ns(CLOCK_REALTIME) - 200 * SEC);
    CHECK(clock_settime(CLOCK_REALTIME, &same) == 0);
}

static volatile int stop_racing;
static int raced;
static void* reader(void* unused) {
    uint64_t ticks;
    while (!stop_racing) (void)!read(raced, &ticks, sizeof ticks);
    return unused;
}
static void* setter(void* seed) {
    struct itimerspec now;
    for (unsigned i = (unsigned)(long)seed; !stop_racing; i = i * 1103515245 + 12345) {
        set(raced, 0, (i >> 16) % 100000, i & 64 ? 50000 : 0);
        timerfd_gettime(raced, &now);
    }
    return NULL;
}
static void races(void) {
    pthread_t threads[4];
    raced = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    for (long i = 0; i < 4; i++) {
        NEED(pthread_create(&threads[i], NULL, i < 2 ? reader : setter, (void*)i) == 0);
    }
    sleep_ns(300 * MS);
    stop_racing = 1;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(set(raced, 0, MS, 0) == 0);
    CHECK_EQ(readable(raced, 10000), POLLIN);
    close(raced);
}

int main(void) {
    return run_cases(
        (struct test_case[]){CASE(arguments), CASE(alarm_clocks_need_a_capability), CASE(flags),
                             CASE(expiring), CASE(periodic), CASE(setting_again), CASE(with_epoll),
                             CASE(shared_by_fork), CASE(interrupted_read), CASE(fdinfo),
                             CASE(setting_ticks), CASE(cancel_on_set), CASE(races), END});
}
