/* poll, select, epoll, eventfd. */
#include "tests/check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void polls(void) {
    int p[2];
    NEED(pipe(p) == 0);
    struct pollfd fds[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 99}};
    CHECK_EQ(poll(fds, 3, 0), 1);
    CHECK(fds[0].revents == 0 && fds[1].revents == POLLOUT && fds[2].revents == 0);
    NEED(write(p[1], "x", 1) == 1);
    CHECK_EQ(poll(fds, 2, -1), 2);
    close(p[1]);
    CHECK_EQ(poll(fds, 2, -1), 2);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    CHECK_EQ(fds[1].revents, POLLNVAL);
    int q[2];
    NEED(pipe(q) == 0);
    close(q[0]);
    struct pollfd broken = {q[1], POLLOUT, 0};
    CHECK(poll(&broken, 1, -1) == 1 && broken.revents & POLLERR);
    long long start = now_ms();
    CHECK_EQ(poll(NULL, 0, 30), 0);
    CHECK(now_ms() - start >= 29);
    CHECK_ERRNO(poll(fds, 1u << 30, 0), EINVAL);
}

static void wakes_up(void) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        usleep(30000);
        NEED(write(p[1], "x", 1) == 1);
        _exit(0);
    }
    struct pollfd in = {p[0], POLLIN, 0};
    CHECK_EQ(poll(&in, 1, -1), 1);
    CHECK_EQ(in.revents, POLLIN);
    status_of(child);
}

static void nothing(int signal) { (void)signal; }
static void interrupted(void) {
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    sigset_t blocked, none;
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    CHECK_ERRNO(ppoll(NULL, 0, NULL, &none), EINTR); /* never restarted */
    struct timespec brief = {0, 1000000};
    CHECK_EQ(ppoll(NULL, 0, &brief, &blocked), 0);
    brief.tv_nsec = -1;
    CHECK_ERRNO(ppoll(NULL, 0, &brief, NULL), EINVAL);
}

static void selects(void) {
    int p[2];
    fd_set in, out;
    struct timeval zero = {0, 0};
    NEED(pipe(p) == 0);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + 1, &in, &out, NULL, &zero), 1);
    CHECK(!FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
    NEED(write(p[1], "x", 1) == 1);
    FD_SET(p[0], &in);
    CHECK_EQ(select(p[1] + 1, &in, NULL, NULL, NULL), 1);
    FD_ZERO(&in);
    FD_SET(60, &in); /* Linux looks no further than its table, which begins with 64 */
    CHECK_ERRNO(select(61, &in, NULL, NULL, &zero), EBADF);
    CHECK_ERRNO(select(-1, NULL, NULL, NULL, &zero), EINVAL);
    zero.tv_usec = -1;
    CHECK_ERRNO(select(0, NULL, NULL, NULL, &zero), EINVAL);
}

static void add(int ep, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void epolls(void) {
    int p[2], ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event got[4], event = {.events = EPOLLIN};
    NEED(pipe(p) == 0 && ep >= 0);
    add(ep, p[0], EPOLLIN);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    NEED(write(p[1], "xy", 2) == 2);
    for (int i = 0; i < 2; i++) { /* level: as long as it holds */
        CHECK_EQ(epoll_wait(ep, got, 4, -1), 1);
        CHECK(got[0].data.fd == p[0] && got[0].events == EPOLLIN);
    }
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &event), EEXIST);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &event), ENOENT);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), ENOENT);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event), EINVAL);
    CHECK_ERRNO(epoll_ctl(ep, 99, p[0], &event), EINVAL);
    write_file("f", "x", 1, 0600);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, open("f", O_RDONLY), &event), EPERM);
    CHECK_ERRNO(epoll_wait(ep, got, 0, 0), EINVAL);
    CHECK_ERRNO(epoll_wait(p[0], got, 1, 0), EINVAL);
    close(p[0]); /* leaves the set */
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
}

static void edges(void) {
    int p[2], ep = epoll_create1(0);
    struct epoll_event got[4];
    NEED(pipe(p) == 0);
    add(ep, p[0], EPOLLIN | EPOLLET);
    NEED(write(p[1], "x", 1) == 1);
    CHECK_EQ(epoll_wait(ep, got, 4, -1), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0); /* told once */
    NEED(write(p[1], "y", 1) == 1);
    CHECK_EQ(epoll_wait(ep, got, 4, -1), 1); /* something new */
    struct epoll_event once = {.events = EPOLLIN | EPOLLONESHOT};
    NEED(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &once) == 0);
    CHECK_EQ(epoll_wait(ep, got, 4, -1), 1);
    NEED(write(p[1], "z", 1) == 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0); /* disarmed */
    NEED(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &once) == 0);
    CHECK_EQ(epoll_wait(ep, got, 4, -1), 1);
}

static void nested(void) {
    int p[2], inner = epoll_create1(0), outer = epoll_create1(0);
    struct epoll_event got[2], event = {.events = EPOLLIN};
    NEED(pipe(p) == 0);
    add(inner, p[0], EPOLLIN);
    add(outer, inner, EPOLLIN);
    CHECK_EQ(epoll_wait(outer, got, 2, 0), 0);
    NEED(write(p[1], "x", 1) == 1);
    CHECK_EQ(epoll_wait(outer, got, 2, -1), 1);
    CHECK_ERRNO(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &event), ELOOP);
}

static void eventfds(void) {
    uint64_t value = 5;
    int fd = eventfd(3, EFD_NONBLOCK);
    NEED(fd >= 0);
    NEED(write(fd, &value, 8) == 8);
    CHECK(read(fd, &value, 8) == 8 && value == 8);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_ERRNO(read(fd, &value, 4), EINVAL);
    value = UINT64_MAX;
    CHECK_ERRNO(write(fd, &value, 8), EINVAL);
    value = UINT64_MAX - 1;
    CHECK_EQ(write(fd, &value, 8), 8);
    value = 1;
    CHECK_ERRNO(write(fd, &value, 8), EAGAIN);
    struct pollfd both = {fd, POLLIN | POLLOUT, 0};
    CHECK(poll(&both, 1, 0) == 1 && both.revents == POLLIN);
    int counter = eventfd(2, EFD_SEMAPHORE);
    CHECK(read(counter, &value, 8) == 8 && value == 1);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(polls), CASE(wakes_up), CASE(interrupted),
                                          CASE(selects), CASE(epolls), CASE(edges), CASE(nested),
                                          CASE(eventfds), END});
}
