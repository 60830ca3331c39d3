/* One epoll waits for eventfds that children add to, and for a timerfd: the sums come out right. */
#include "stress/stress.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define SOURCES 6
#define PERIOD_NS 500000l

static int watched(int epoll, int file, uint32_t number, uint32_t mode) {
    DEMAND(file >= 0);
    struct epoll_event event = {.events = EPOLLIN | mode, .data.u32 = number};
    DEMAND(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0);
    return file;
}

static void add(int file, struct chance from, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        const uint64_t value = 1 + below(&from, 1000);
        DEMAND_EQUAL(write(file, &value, sizeof value), sizeof value);
        if (value % 8 == 0) nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    _exit(0);
}
static uint64_t sum_of(struct chance from, unsigned times) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < times; i++) sum += 1 + below(&from, 1000);
    return sum;
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void events_round(struct chance* from) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    DEMAND(epoll >= 0);
    const unsigned sources = 1 + below(from, SOURCES), times = 10 + below(from, 40);
    int file[SOURCES];
    pid_t child[SOURCES];
    uint64_t wanted = 0, sum = 0, ticks = 0;
    const uint64_t began = now_ns();
    const int timer = watched(epoll, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), SOURCES, 0);
    const struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    DEMAND(timerfd_settime(timer, 0, &period, NULL) == 0);
    for (unsigned i = 0; i < sources; i++) {
        file[i] = watched(epoll, eventfd(0, EFD_NONBLOCK), i, below(from, 2) ? EPOLLET : 0);
        const struct chance own = {draw(from)};
        wanted += sum_of(own, times);
        if ((child[i] = fork_child()) == 0) add(file[i], own, times);
    }
    while (sum < wanted || ticks < 2) {
        struct epoll_event found[3];
        const int count = epoll_wait(epoll, found, 3, -1);
        DEMAND(count > 0 || errno == EINTR);
        for (int i = 0; i < count; i++) {
            const uint32_t number = found[i].data.u32;
            DEMAND(number < sources || number == SOURCES);
            uint64_t value = 0;
            const ssize_t got = read(number == SOURCES ? timer : file[number], &value, 8);
            DEMAND(got == 8 || errno == EAGAIN);
            *(number == SOURCES ? &ticks : &sum) += value;
        }
        did(1);
    }
    DEMAND_EQUAL(sum, wanted);
    DEMAND(ticks <= (now_ns() - began) / PERIOD_NS); /* never early */
    for (unsigned i = 0; i < sources; i++) expect_exit(child[i], 0);
    for (unsigned i = 0; i < sources; i++) close(file[i]);
    close(timer);
    close(epoll);
}

const struct kind kEvents = {"events", events_round,
                             "epoll, eventfd and timerfd: no event is lost"};
