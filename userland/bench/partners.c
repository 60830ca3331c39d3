/// Two tasks that answer each other, threads that come and go, and waiting for one of many.
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench.h"
#include "word.h"

enum { kDescriptors = 64 };

static uint32_t ball;  // odd: the partner's turn

static void await(uint32_t remainder) {
    for (uint32_t seen; (seen = __atomic_load_n(&ball, __ATOMIC_ACQUIRE)) % 2 != remainder;) {
        sleep_while(&ball, seen);
    }
}
static void hit(void) {
    __atomic_add_fetch(&ball, 1, __ATOMIC_RELEASE);
    wake(&ball, 1);
}

static void* play(void* unused) {
    for (;;) {
        await(1);
        hit();
    }
    return unused;
}
static void start_player(unsigned count) {
    (void)count;
    pthread_t thread;
    must_be(pthread_create(&thread, NULL, play, NULL), 0, "pthread_create");
}

/// There and back, between threads: two wake-ups, two switches.
static void futex_pingpong(unsigned count) {
    while (count-- > 0) {
        hit();
        await(0);
    }
}

static pid_t partner;
static volatile sig_atomic_t caught;
static sigset_t open_mask;
static void note(int signal) {
    (void)signal;
    caught++;
}
static void start_signaller(unsigned count) {
    (void)count;
    sigset_t set;
    const pid_t parent = getpid();
    const struct sigaction action = {.sa_handler = note};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must_be(sigprocmask(SIG_BLOCK, &set, &open_mask), 0, "sigprocmask");
    must_be(sigaction(SIGUSR1, &action, NULL), 0, "sigaction");
    partner = fork();
    if (partner < 0) fail("fork");
    if (partner > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int answered = 0;; answered++) {
        while (caught == answered) sigsuspend(&open_mask);
        kill(parent, SIGUSR1);
    }
}

/// A signal to another process and one back, each waited for in sigsuspend.
static void signal_pingpong(unsigned count) {
    while (count-- > 0) {
        const sig_atomic_t seen = caught;
        must_be(kill(partner, SIGUSR1), 0, "kill");
        while (caught == seen) sigsuspend(&open_mask);
    }
}

static void* end(void* unused) { return unused; }
static void thread_create_join(unsigned count) {
    pthread_t thread;
    while (count-- > 0) {
        must_be(pthread_create(&thread, NULL, end, NULL), 0, "pthread_create");
        must_be(pthread_join(thread, NULL), 0, "pthread_join");
    }
}

static int epoll, event;
static void watch_descriptors(unsigned count) {
    (void)count;
    epoll = epoll_create1(0);
    for (int i = 0; i < kDescriptors; i++) {
        struct epoll_event wanted = {.events = EPOLLIN};
        event = eventfd(i == kDescriptors - 1, 0);  // the last is ready
        must_be(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted), 0, "epoll_ctl");
    }
}
static void epoll_wait_one(unsigned count) {
    struct epoll_event found[kDescriptors];
    while (count-- > 0) must_be(epoll_wait(epoll, found, kDescriptors, -1), 1, "epoll_wait");
}

static void make_event(unsigned count) {
    (void)count;
    event = eventfd(0, 0);
    if (event < 0) fail("eventfd");
}
static void eventfd_write_read(unsigned count) {
    uint64_t value = 1;
    while (count-- > 0) {
        must_be(write(event, &value, sizeof value), sizeof value, "write");
        must_be(read(event, &value, sizeof value), sizeof value, "read");
    }
}

const Operation kPartnerOperations[] = {
    {"futex_pingpong", 2000, futex_pingpong, start_player},
    {"signal_pingpong", 1000, signal_pingpong, start_signaller},
    {"thread_create_join", 400, thread_create_join, NULL},
    {"epoll_wait_64_1ready", 4000, epoll_wait_one, watch_descriptors},
    {"eventfd_write_read", 4000, eventfd_write_read, make_event},
    {NULL, 0, NULL, NULL},
};
