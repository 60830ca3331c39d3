/* What processes wait for: signals, timers, futexes, epoll, terminals. */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>

#include "scarce/scarce.h"

/* musl's compiler does not find the kernel's headers. */
enum {
    FUTEX_WAIT = 0,
    FUTEX_CMP_REQUEUE_PRIVATE = 4 | 128,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_WAIT_PRIVATE = 0 | 128,
};

static void nothing(int number) { (void)number; }

/* Gives the caller's stack the pages that a handler's frame will need: where one cannot be had, the
 * answer is SIGSEGV. */
static __attribute__((noinline)) void touch_stack(void) {
    volatile char room[65536];
    for (size_t i = 0; i < sizeof room; i += 1024) room[i] = 1;
}

static void signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR2, nothing);
    touch_stack();
    TRIED(sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 4; i++) TRIED(sigqueue(getpid(), SIGRTMIN, (union sigval){i}));
    TRIED(kill(getpid(), SIGUSR1));
    TRIED(kill(getpid(), SIGUSR2));
    const int file = (int)TRIED(signalfd(-1, &set, SFD_NONBLOCK));
    struct signalfd_siginfo about;
    TRIED(read(file, &about, sizeof about));
    const struct timespec none = {0, 0};
    TRIED(sigtimedwait(&set, NULL, &none));
}

static void timers(void) {
    timer_t timer;
    struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
    TRIED(timer_create(CLOCK_MONOTONIC, &quiet, &timer));
    TRIED(timer_create(CLOCK_PROCESS_CPUTIME_ID, &quiet, &timer));
    const struct itimerspec soon = {.it_value = {0, 1000000}};
    TRIED(timer_settime(timer, 0, &soon, NULL));
    const int file = (int)TRIED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    TRIED(timerfd_settime(file, 0, &soon, NULL));
    const struct itimerval late = {.it_value = {100, 0}};
    TRIED(setitimer(ITIMER_REAL, &late, NULL));
    TRIED(setitimer(ITIMER_PROF, &late, NULL));
    TRIED(nanosleep(&(struct timespec){0, 1000000}, NULL));
    TRIED(timer_delete(timer));
}

static void* wait_on(void* word) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){0, 20000000}, NULL, 0);
    return NULL;
}
static void futexes(void) {
    static int word, other;
    pthread_t thread;
    TRIED_ERROR(pthread_create(&thread, NULL, wait_on, &word));
    struct timespec soon = {0, 1000000};
    syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon, NULL, 0); /* shared: finds the page's owner */
    const long moved = syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &other, 0);
    const int error = errno;
    pthread_join(thread, NULL);
    errno = error;
    TRIED(moved);
    static int pi;
    TRIED(syscall(SYS_futex, &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    TRIED(syscall(SYS_futex, &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static void* hold_pi(void* word) {
    syscall(SYS_futex, word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    syscall(SYS_futex, word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}
static void inheriting(void) {
    static int word;
    pthread_t thread;
    TRIED_ERROR(pthread_create(&thread, NULL, hold_pi, &word));
    while (*(volatile int*)&word == 0) sched_yield();
    const long got = syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    const int error = errno;
    if (got == 0) syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    pthread_join(thread, NULL);
    errno = error;
    TRIED(got);
}

static void epolls(void) {
    const int set = (int)TRIED(epoll_create1(0)), outer = (int)TRIED(epoll_create1(0));
    int at[2];
    TRIED(pipe(at));
    struct epoll_event event = {.events = EPOLLIN};
    TRIED(epoll_ctl(set, EPOLL_CTL_ADD, at[0], &event));
    TRIED(epoll_ctl(set, EPOLL_CTL_ADD, (int)TRIED(eventfd(1, 0)), &event));
    TRIED(epoll_ctl(outer, EPOLL_CTL_ADD, set, &event));
    TRIED(write(at[1], "x", 1));
    TRIED(epoll_wait(outer, &event, 1, 10));
    TRIED(epoll_ctl(set, EPOLL_CTL_DEL, at[0], &event));
}

static void polls(void) {
    struct pollfd many[200];
    int at[2];
    TRIED(pipe(at));
    for (int i = 0; i < 200; i++) many[i] = (struct pollfd){.fd = at[0], .events = POLLIN};
    TRIED(poll(many, 200, 1));
    TRIED(dup2(at[0], 1000));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(1000, &set);
    struct timeval soon = {0, 1000};
    TRIED(select(1001, &set, NULL, NULL, &soon));
}

static void terminals(void) {
    const int pty = (int)TRIED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    int number = -1, off = 0;
    TRIED(ioctl(pty, TIOCGPTN, &number));
    TRIED(ioctl(pty, TIOCSPTLCK, &off));
    char name[30];
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    const int side = (int)TRIED(open(name, O_RDWR | O_NOCTTY));
    TRIED(write(pty, "hello\n", 6));
    char text[20];
    TRIED(read(side, text, sizeof text));
    TRIED(write(side, text, 6));
    struct termios about;
    TRIED(tcgetattr(side, &about));
    TRIED(tcsetattr(side, TCSANOW, &about));
}

const struct step kWaitSteps[] = {
    {"signals", signals}, {"timers", timers}, {"futexes", futexes}, {"pi-futex", inheriting},
    {"epoll", epolls},    {"poll", polls},    {"pty", terminals},   {NULL, NULL},
};
