/* epoll, eventfd, poll, select: who is told what, and how often. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>

#include "tests/check.h"

static int watch(int epoll_fd, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* The events of one ready descriptor, 0 if none is. */
static uint32_t ready(int epoll_fd, int timeout_ms) {
    struct epoll_event event = {0};
    return epoll_wait(epoll_fd, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

static void level_triggered(void) {
    int ends[2], epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN), 0);
    CHECK_EQ(ready(epoll_fd, 0), 0);
    CHECK_EQ(write(ends[1], "ab", 2), 2);
    char c;
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN);
    CHECK_EQ(read(ends[0], &c, 1), 1);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN); /* one byte is left */
    CHECK_EQ(read(ends[0], &c, 1), 1);
    CHECK_EQ(ready(epoll_fd, 0), 0);
    close(ends[1]);
    CHECK_EQ(ready(epoll_fd, -1), EPOLLHUP);
}

static void edge_triggered(void) {
    int ends[2], epoll_fd = epoll_create1(0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN | EPOLLET), 0);
    CHECK_EQ(write(ends[1], "a", 1), 1);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN);
    CHECK_EQ(ready(epoll_fd, 0), 0); /* told once */
    CHECK_EQ(write(ends[1], "b", 1), 1);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN);
}

/* An edge that comes while the last one is being told is told, too: here, of another kind. */
static void edges_in_a_row(void) {
    int ends[2], epoll_fd = epoll_create1(0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN | EPOLLET), 0);
    for (int round = 0; round < 300; round++) {
        pid_t pid = fork_or_die();
        if (pid == 0) _exit(write(ends[1], "a", 1) != 1);
        char c;
        CHECK(ready(epoll_fd, 2000) & EPOLLIN);
        CHECK_EQ(read(ends[0], &c, 1), 1);
        status_of(pid);
    }
}

/* Of those who wait exclusively one is woken, of the others all. */
static void exclusive(void) {
    int ends[2], woken = 0, epoll_fd = epoll_create1(0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(watch(epoll_fd, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
    CHECK_ERRNO(watch(epoll_fd, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP), EINVAL);
    CHECK_ERRNO(watch(epoll_fd, epoll_create1(0), EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            int own = epoll_create1(0);
            NEED(watch(own, ends[0], i < 3 ? EPOLLIN | EPOLLEXCLUSIVE | EPOLLET : EPOLLIN) == 0);
            _exit(ready(own, 400) == EPOLLIN);
        }
    }
    usleep(150000); /* all wait */
    CHECK_EQ(write(ends[1], "x", 1), 1);
    for (int i = 0; i < 3; i++) woken += WEXITSTATUS(status_of(pids[i]));
    CHECK_EQ(woken, 1);
    CHECK_EXITED(status_of(pids[3]), 1);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN | EPOLLEXCLUSIVE), 0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_ERRNO(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, ends[0], &event), EINVAL);
}

static void one_shot(void) {
    int fd = eventfd(0, EFD_NONBLOCK), epoll_fd = epoll_create1(0);
    CHECK_EQ(watch(epoll_fd, fd, EPOLLIN | EPOLLONESHOT), 0);
    CHECK_EQ(eventfd_write(fd, 3), 0);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN);
    CHECK_EQ(ready(epoll_fd, 0), 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    CHECK_EQ(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event), 0);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN);
}

static void wrong_arguments(void) {
    int ends[2], epoll_fd = epoll_create1(0), file = open("f", O_CREAT | O_RDWR, 0600);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(epoll_create1(1), EINVAL);
    CHECK_ERRNO(watch(epoll_fd, file, EPOLLIN), EPERM);
    CHECK_ERRNO(watch(epoll_fd, epoll_fd, EPOLLIN), EINVAL);
    CHECK_ERRNO(watch(ends[0], ends[1], EPOLLIN), EINVAL);
    CHECK_ERRNO(watch(epoll_fd, 999, EPOLLIN), EBADF);
    CHECK_ERRNO(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, ends[0], &event), ENOENT);
    CHECK_ERRNO(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN), 0);
    CHECK_ERRNO(watch(epoll_fd, ends[0], EPOLLIN), EEXIST);
    CHECK_ERRNO(epoll_ctl(epoll_fd, 9, ends[0], &event), EINVAL);
    CHECK_ERRNO(epoll_wait(epoll_fd, &event, 0, 0), EINVAL);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_ERRNO(syscall(SYS_epoll_wait, epoll_fd, 8, 1, 0), EFAULT);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN); /* the failed call lost nothing */
}

static void loops_are_refused(void) {
    int a = epoll_create1(0), b = epoll_create1(0);
    CHECK_EQ(watch(a, b, EPOLLIN), 0);
    CHECK_ERRNO(watch(b, a, EPOLLIN), ELOOP);
    int fd = eventfd(0, 0);
    CHECK_EQ(watch(b, fd, EPOLLIN), 0);
    CHECK_EQ(ready(a, 0), 0);
    CHECK_EQ(eventfd_write(fd, 1), 0);
    CHECK_EQ(ready(a, 1000), EPOLLIN);
}

/* Four levels, each of which watches all of the next: a hundred million ways lead through them, and
 * yet adding one more costs little. */
static void many_ways(void) {
    enum { kWide = 100, kLevels = 4, kOfTheTop = 10 };
    static int level[kLevels][kWide];
    for (int i = 0; i < kLevels; i++) {
        for (int j = 0; j < kWide; j++) NEED((level[i][j] = epoll_create1(0)) >= 0);
    }
    for (int i = kLevels - 2; i >= 0; i--) {
        const int watchers = i == 0 ? kOfTheTop : kWide;
        for (int j = 0; j < watchers; j++) {
            for (int k = 0; k < kWide; k++) {
                CHECK_EQ(watch(level[i][j], level[i + 1][k], EPOLLIN), 0);
            }
        }
    }
    CHECK_ERRNO(watch(level[kLevels - 1][0], level[0][0], EPOLLIN), ELOOP);
    int fd = eventfd(1, 0); /* which would have to tell all of them */
    CHECK_ERRNO(watch(level[kLevels - 1][0], fd, EPOLLIN), EINVAL);
    CHECK_EQ(watch(level[0][0], fd, EPOLLIN), 0);
    CHECK_EQ(watch(level[0][kWide - 1], level[1][kWide - 1], EPOLLIN), 0);
    CHECK_EQ(ready(level[0][0], 1000), EPOLLIN);
    CHECK_EQ(ready(level[0][1], 0), 0);
}

static void closing_forgets(void) {
    int ends[2], epoll_fd = epoll_create1(0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(watch(epoll_fd, ends[0], EPOLLIN), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    int copy = dup(ends[0]);
    close(ends[0]);
    CHECK_EQ(ready(epoll_fd, 0), EPOLLIN); /* the copy keeps the file open */
    close(copy);
    CHECK_EQ(ready(epoll_fd, 0), 0);
}

static void* write_later(void* fd) {
    usleep(30000);
    eventfd_write((int)(intptr_t)fd, 1);
    return NULL;
}

static void waiters_wake(void) {
    int fd = eventfd(0, 0), inner = epoll_create1(0), outer = epoll_create1(0);
    CHECK_EQ(watch(inner, fd, EPOLLIN), 0);
    CHECK_EQ(watch(outer, inner, EPOLLIN), 0);
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        eventfd_t value;
        CHECK_EQ(pthread_create(&thread, NULL, write_later, (void*)(intptr_t)fd), 0);
        if (round == 0) CHECK_EQ(ready(inner, 5000), EPOLLIN);
        if (round == 1) CHECK_EQ(ready(outer, 5000), EPOLLIN);
        struct pollfd p = {.fd = outer, .events = POLLIN};
        if (round == 2) CHECK_EQ(poll(&p, 1, 5000), 1);
        pthread_join(thread, NULL);
        CHECK_EQ(eventfd_read(fd, &value), 0);
    }
}

static void event_counter(void) {
    eventfd_t value = 0;
    int fd = eventfd(2, EFD_NONBLOCK);
    CHECK_EQ(eventfd_write(fd, 3), 0);
    CHECK_EQ(eventfd_read(fd, &value), 0);
    CHECK_EQ(value, 5);
    CHECK_ERRNO(eventfd_read(fd, &value), EAGAIN);
    CHECK_ERRNO(read(fd, &value, 4), EINVAL);
    CHECK_ERRNO(eventfd_write(fd, UINT64_MAX), EINVAL);
    CHECK_EQ(eventfd_write(fd, UINT64_MAX - 1), 0);
    CHECK_ERRNO(eventfd_write(fd, 1), EAGAIN);
    int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK_EQ(eventfd_read(semaphore, &value), 0);
    CHECK_EQ(value, 1);
}

static void poll_and_select(void) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    struct pollfd fds[3] = {{.fd = ends[0], .events = POLLIN},
                            {.fd = -1, .events = POLLIN},
                            {.fd = 555, .events = POLLIN}};
    CHECK_EQ(poll(fds, 2, 10), 0);
    CHECK_EQ(poll(fds, 3, -1), 1);
    CHECK_EQ(fds[2].revents, POLLNVAL);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(poll(fds, 2, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN);
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(ends[0], &in);
    FD_SET(ends[1], &out);
    CHECK_EQ(select(ends[1] + 1, &in, &out, NULL, NULL), 2);
    CHECK(FD_ISSET(ends[0], &in) && FD_ISSET(ends[1], &out));
    FD_SET(40, &in);
    CHECK_ERRNO(select(41, &in, NULL, NULL, NULL), EBADF);
    struct timeval zero = {0, 0};
    FD_ZERO(&in);
    FD_SET(ends[1], &in);
    CHECK_EQ(select(ends[1] + 1, &in, NULL, NULL, &zero), 0);
    CHECK(!FD_ISSET(ends[1], &in));
    int left = 0;
    CHECK_EQ(ioctl(ends[0], FIONREAD, &left), 0);
    CHECK_EQ(left, 1);
}

static volatile int alarms;
static void on_alarm(int signal) { alarms += signal == SIGALRM; }

static void ppoll_lets_signals_in(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    sigset_t blocked, none;
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGALRM);
    CHECK_EQ(alarms, 0);
    struct timespec second = {5, 0};
    CHECK_ERRNO(ppoll(NULL, 0, &second, &none), EINTR);
    CHECK_EQ(alarms, 1);
    raise(SIGALRM);
    CHECK_EQ(alarms, 1); /* the old mask is back */
    CHECK_ERRNO(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    CHECK_EQ(alarms, 2);
}

static void copies_between_files(void) {
    int from = open("from", O_CREAT | O_RDWR, 0600), to = open("to", O_CREAT | O_RDWR, 0600);
    char buffer[16] = {0};
    off_t at = 2;
    CHECK_EQ(write(from, "0123456789", 10), 10);
    CHECK_EQ(sendfile(to, from, &at, 5), 5);
    CHECK_EQ(at, 7);
    CHECK_EQ(pread(to, buffer, 16, 0), 5);
    CHECK(memcmp(buffer, "23456", 5) == 0);
    off_t in = 0, out = 20;
    CHECK_EQ(syscall(SYS_copy_file_range, from, &in, to, &out, 100, 0), 10);
    CHECK_EQ(lseek(to, 0, SEEK_END), 30);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(sendfile(to, ends[0], NULL, 1), EINVAL);
    CHECK_ERRNO(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERRNO(pread(ends[0], buffer, 1, 0), ESPIPE);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(level_triggered), CASE(edge_triggered), CASE(edges_in_a_row), CASE(exclusive),
        CASE(one_shot), CASE(wrong_arguments), CASE(loops_are_refused), CASE(many_ways),
        CASE(closing_forgets), CASE(waiters_wake), CASE(event_counter), CASE(poll_and_select),
        CASE(ppoll_lets_signals_in), CASE(copies_between_files), END});
}
