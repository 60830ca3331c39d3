/* signalfd: signals as bytes: several at once, every source, waiting, polling, changing the set. */
#include "tests/check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>

static int make(uint64_t mask, int flags) {
    return (int)syscall(SYS_signalfd4, -1, &mask, 8, flags);
}
static uint64_t bit(int signal) { return 1ull << (signal - 1); }
/* Blocks the signals, as one does with a signalfd, and makes one. */
static int open_for(uint64_t mask, int flags) {
    NEED(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8) == 0);
    int fd = make(mask, flags);
    NEED(fd >= 0);
    return fd;
}
static int readable(int fd, int timeout) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout) == 1 && (one.revents & POLLIN);
}
static void queue(pid_t to, int signal, int value) {
    union sigval v = {.sival_int = value};
    NEED(sigqueue(to, signal, v) == 0);
}

static void one_by_one(void) {
    struct signalfd_siginfo got;
    int fd = open_for(bit(SIGUSR1) | bit(SIGRTMIN + 3), 0);
    CHECK(raise(SIGUSR1) == 0);
    memset(&got, 0xee, sizeof got);
    CHECK(read(fd, &got, sizeof got) == sizeof got);
    CHECK(got.ssi_signo == SIGUSR1 && got.ssi_code == SI_TKILL);
    CHECK(got.ssi_pid == (uint32_t)getpid() && got.ssi_uid == getuid());
    CHECK(got.ssi_addr == 0 && got.ssi_fd == 0 && got.ssi_status == 0);
    queue(getpid(), SIGRTMIN + 3, 1234);
    CHECK(read(fd, &got, sizeof got) == sizeof got);
    CHECK(got.ssi_signo == (uint32_t)SIGRTMIN + 3 && got.ssi_code == SI_QUEUE);
    CHECK(got.ssi_int == 1234 && (int)got.ssi_ptr == 1234);
    sigset_t pending;
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGRTMIN + 3));
}

static void several(void) {
    enum { kMany = 10 };
    struct signalfd_siginfo got[kMany + 1];
    int fd = open_for(bit(SIGUSR1) | bit(SIGRTMIN + 1), SFD_NONBLOCK);
    CHECK_ERRNO(read(fd, got, sizeof got), EAGAIN);
    for (int i = 0; i < kMany; i++) queue(getpid(), SIGRTMIN + 1, i);
    CHECK(read(fd, got, 3 * sizeof *got) == 3 * sizeof *got);
    CHECK(got[0].ssi_int == 0 && got[1].ssi_int == 1 && got[2].ssi_int == 2);
    CHECK(read(fd, got, 2 * sizeof *got - 1) == sizeof *got); /* only whole ones */
    CHECK(got[0].ssi_int == 3);
    kill(getpid(), SIGUSR1); /* the lower number first */
    CHECK(read(fd, got, sizeof got) == 7 * sizeof *got);
    CHECK(got[0].ssi_signo == SIGUSR1 && got[0].ssi_code == SI_USER && got[6].ssi_int == 9);
    CHECK_ERRNO(read(fd, got, sizeof got), EAGAIN);
}

static void* send_later(void* unused) {
    (void)unused;
    usleep(50000);
    kill(getpid(), SIGUSR1);
    return NULL;
}
static void waiting(void) {
    struct signalfd_siginfo got[2];
    int fd = open_for(bit(SIGUSR1), 0);
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, send_later, NULL) == 0);
    CHECK(read(fd, got, sizeof got) == sizeof *got); /* does not wait for a second one */
    CHECK(got[0].ssi_signo == SIGUSR1);
    pthread_join(thread, NULL);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
    (void)signal;
    alarms++;
}
static void interrupted(void) {
    struct signalfd_siginfo got;
    int fd = open_for(bit(SIGUSR1), 0);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERRNO(read(fd, &got, sizeof got), EINTR);
    CHECK(alarms > 0);
}

static void polling(void) {
    struct signalfd_siginfo got;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 5};
    int fd = open_for(bit(SIGUSR1), 0);
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(!readable(fd, 0));
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    kill(getpid(), SIGUSR1);
    CHECK(readable(fd, -1));
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.u64 == 5);
    CHECK(read(fd, &got, sizeof got) == sizeof got);
    CHECK(!readable(fd, 0));
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    pthread_t thread; /* somebody waits already */
    NEED(pthread_create(&thread, NULL, send_later, NULL) == 0);
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
    CHECK(read(fd, &got, sizeof got) == sizeof got);
    pthread_join(thread, NULL);
    NEED(pthread_create(&thread, NULL, send_later, NULL) == 0);
    CHECK(readable(fd, -1));
    pthread_join(thread, NULL);
}

static void other_set(void) {
    struct signalfd_siginfo got;
    uint64_t both = bit(SIGUSR1) | bit(SIGUSR2), second = bit(SIGUSR2), all = ~0ull;
    int fd = open_for(both, SFD_NONBLOCK);
    kill(getpid(), SIGUSR1);
    CHECK(syscall(SYS_signalfd4, fd, &second, 8, 0) == fd);
    CHECK_ERRNO(read(fd, &got, sizeof got), EAGAIN);
    CHECK(!readable(fd, 0));
    CHECK(syscall(SYS_signalfd, fd, &both, 8) == fd);
    CHECK(readable(fd, 0));
    CHECK(read(fd, &got, sizeof got) == sizeof got && got.ssi_signo == SIGUSR1);
    CHECK(syscall(SYS_signalfd4, fd, &all, 8, 0) == fd); /* KILL and STOP do not count */
    char name[64], line[128] = "", *value = NULL;
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE* file = fopen(name, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "sigmask:", 8) == 0) value = line + 9;
    }
    CHECK(value && strcmp(value, "fffffffffffbfeff\n") == 0);
}

static void from_child_and_timer(void) {
    struct signalfd_siginfo got;
    int fd = open_for(bit(SIGCHLD) | bit(SIGALRM) | bit(SIGRTMIN + 2), 0);
    pid_t pid = fork_or_die();
    if (pid == 0) _exit(9);
    CHECK(read(fd, &got, sizeof got) == sizeof got);
    CHECK(got.ssi_signo == SIGCHLD && got.ssi_code == CLD_EXITED && got.ssi_pid == (uint32_t)pid);
    CHECK(got.ssi_status == 9 && got.ssi_uid == getuid());
    CHECK_EXITED(status_of(pid), 9);

    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2};
    event.sigev_value.sival_int = 77;
    timer_t timer;
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec period = {{0, 1000000}, {0, 1000000}};
    NEED(timer_settime(timer, 0, &period, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(read(fd, &got, sizeof got) == sizeof got);
        CHECK(got.ssi_signo == (uint32_t)SIGRTMIN + 2 && got.ssi_code == SI_TIMER);
        CHECK(got.ssi_int == 77 && got.ssi_tid == (uint32_t)(uintptr_t)timer);
    }
    timer_delete(timer);
    struct itimerval once = {{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &once, NULL);
    do {
        CHECK(read(fd, &got, sizeof got) == sizeof got);
    } while (got.ssi_signo != SIGALRM);
    CHECK(got.ssi_code == SI_KERNEL);
}

static void of_the_reader(void) {
    struct signalfd_siginfo got;
    int fd = open_for(bit(SIGUSR1), SFD_NONBLOCK);
    kill(getpid(), SIGUSR1);
    pid_t pid = fork_or_die();
    if (pid == 0) { /* its own are none */
        CHECK_ERRNO(read(fd, &got, sizeof got), EAGAIN);
        CHECK(!readable(fd, 0));
        kill(getpid(), SIGUSR1);
        CHECK(read(fd, &got, sizeof got) == sizeof got && got.ssi_pid == (uint32_t)getpid());
        fflush(stdout);
        _exit(failed_checks);
    }
    CHECK_EXITED(status_of(pid), 0);
    CHECK(read(fd, &got, sizeof got) == sizeof got && got.ssi_pid == (uint32_t)getpid());
}

static void bad_arguments(void) {
    uint64_t mask = bit(SIGUSR1);
    struct signalfd_siginfo got;
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 4, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 16, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 8, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, unmapped_page(), 8, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_signalfd4, 999, &mask, 8, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_signalfd4, -2, &mask, 8, 0), EBADF);
    int null = open("/dev/null", O_RDONLY);
    CHECK_ERRNO(syscall(SYS_signalfd4, null, &mask, 8, 0), EINVAL);
    int fd = open_for(mask, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK_ERRNO(read(fd, &got, sizeof got - 1), EINVAL);
    CHECK_ERRNO(read(fd, &got, 0), EINVAL);
    CHECK_ERRNO(write(fd, &got, sizeof got), EINVAL);
    kill(getpid(), SIGUSR1);
    CHECK_ERRNO(read(fd, unmapped_page(), sizeof got), EFAULT);
    /* Two fit, but only one into memory that is there. */
    mask = bit(SIGRTMIN + 4);
    fd = open_for(mask, SFD_NONBLOCK);
    queue(getpid(), SIGRTMIN + 4, 1);
    queue(getpid(), SIGRTMIN + 4, 2);
    CHECK_EQ(read(fd, before_the_end(sizeof got), 2 * sizeof got), sizeof got);
    char link[64] = "", name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK(readlink(name, link, sizeof link) > 0 && strcmp(link, "anon_inode:[signalfd]") == 0);
}

/* An epoll instance that watches a signalfd outlives the process that told it so. */
static void epoll_of_the_dead(void) {
    int epoll = epoll_create1(0);
    int fd = open_for(bit(SIGUSR1), SFD_NONBLOCK);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) {
            struct epoll_event event = {.events = EPOLLIN};
            int mine = dup(fd);
            _exit(epoll_ctl(epoll, EPOLL_CTL_ADD, mine + i, &event) != 0 &&
                  epoll_ctl(epoll, EPOLL_CTL_ADD, mine, &event) != 0 && errno != EEXIST);
        }
        CHECK_EXITED(status_of(pid), 0);
    }
    kill(getpid(), SIGUSR1);
    struct epoll_event event;
    CHECK(epoll_wait(epoll, &event, 1, 0) >= 0);
    close(fd);
    close(epoll);
}

/* Readers and senders in numbers: no signal is lost, none is seen twice. */
enum { kReaders = 3, kSent = 600 };
static int storm_fd;
static volatile int storm_seen[kSent], storm_count, storm_ended;
static void* storm_reader(void* unused) {
    (void)unused;
    for (;;) {
        struct signalfd_siginfo got[4];
        ssize_t count = read(storm_fd, got, sizeof got);
        if (count <= 0) return NULL;
        for (ssize_t i = 0; i < count / (ssize_t)sizeof *got; i++) {
            if (got[i].ssi_int < 0) {
                __atomic_fetch_add(&storm_ended, 1, __ATOMIC_SEQ_CST);
                return NULL;
            }
            __atomic_fetch_add(&storm_seen[got[i].ssi_int], 1, __ATOMIC_SEQ_CST);
            __atomic_fetch_add(&storm_count, 1, __ATOMIC_SEQ_CST);
        }
    }
}
static void storm(void) {
    pthread_t threads[kReaders];
    storm_fd = open_for(bit(SIGRTMIN + 5), 0);
    for (int i = 0; i < kReaders; i++) {
        NEED(pthread_create(&threads[i], NULL, storm_reader, NULL) == 0);
    }
    pid_t me = getpid();
    for (int sender = 0; sender < 2; sender++) {
        if (fork_or_die() != 0) continue;
        for (int i = sender; i < kSent; i += 2) {
            union sigval value = {.sival_int = i};
            while (sigqueue(me, SIGRTMIN + 5, value) != 0) usleep(1000);
        }
        _exit(0);
    }
    while (wait(NULL) > 0) continue;
    while (storm_count < kSent) usleep(1000);
    for (int i = 0; i < kSent; i++) CHECK_EQ(storm_seen[i], 1);
    while (storm_ended < kReaders) { /* one reader may take the call for another */
        queue(me, SIGRTMIN + 5, -1);
        usleep(1000);
    }
    for (int i = 0; i < kReaders; i++) pthread_join(threads[i], NULL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(one_by_one), CASE(several), CASE(waiting), CASE(interrupted), CASE(polling),
        CASE(other_set), CASE(from_child_and_timer), CASE(of_the_reader), CASE(bad_arguments),
        CASE(epoll_of_the_dead), CASE(storm), END});
}
