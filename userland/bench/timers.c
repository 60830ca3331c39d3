/// Sleeping, and setting the timers of programs.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static int timer;  // what the operation works on
static const struct itimerspec kFar = {.it_value = {.tv_sec = 1000}};

static void nanosleep_1us(unsigned count) {
    const struct timespec microsecond = {0, 1000};
    while (count-- > 0) must_be(syscall(SYS_nanosleep, &microsecond, NULL), 0, "nanosleep");
}

static void make_timer(unsigned count) {
    (void)count;
    must_be(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer), 0, "timer_create");
}

static void timer_settime_far(unsigned count) {
    while (count-- > 0) must_be(syscall(SYS_timer_settime, timer, 0, &kFar, NULL), 0, "settime");
}

static void timer_gettime_far(unsigned count) {
    struct itimerspec now;
    while (count-- > 0) must_be(syscall(SYS_timer_gettime, timer, &now), 0, "timer_gettime");
}

static void timer_create_delete(unsigned count) {
    while (count-- > 0) {
        make_timer(1);
        must_be(syscall(SYS_timer_delete, timer), 0, "timer_delete");
    }
}

static void make_timerfd(unsigned count) {
    (void)count;
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    if (timer < 0) fail("timerfd_create");
}

static void timerfd_settime_far(unsigned count) {
    while (count-- > 0) must_be(syscall(SYS_timerfd_settime, timer, 0, &kFar, NULL), 0, "settime");
}

static void setitimer_far(unsigned count) {
    const struct itimerval far = {.it_value = {.tv_sec = 1000}};
    while (count-- > 0) must_be(syscall(SYS_setitimer, ITIMER_REAL, &far, NULL), 0, "setitimer");
}

const Operation kTimerOperations[] = {
    {"nanosleep_1us", 1000, nanosleep_1us, NULL},
    {"timer_settime", 4000, timer_settime_far, make_timer},
    {"timer_gettime", 4000, timer_gettime_far, make_timer},
    {"timer_create_delete", 2000, timer_create_delete, NULL},
    {"timerfd_settime", 4000, timerfd_settime_far, make_timerfd},
    {"setitimer", 4000, setitimer_far, NULL},
    {NULL, 0, NULL, NULL},
};
