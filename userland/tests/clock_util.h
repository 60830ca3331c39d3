/* Times in nanoseconds, for the programs that test clocks and timers. */
#ifndef VITRINE_CLOCK_UTIL_H
#define VITRINE_CLOCK_UTIL_H

#include "tests/check.h"

#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#define MS 1000000ll
#define SEC 1000000000ll

static inline long long read_ns(clockid_t clock) {
    struct timespec now;
    NEED(syscall(SYS_clock_gettime, clock, &now) == 0);
    NEED(now.tv_nsec >= 0 && now.tv_nsec < SEC);
    return now.tv_sec * SEC + now.tv_nsec;
}
static inline struct timespec spec_of(long long ns) {
    return (struct timespec){.tv_sec = ns / SEC, .tv_nsec = ns % SEC};
}
static inline long long ns_of(struct timespec time) { return time.tv_sec * SEC + time.tv_nsec; }
static inline struct itimerspec timer_spec(long long value, long long interval) {
    return (struct itimerspec){.it_value = spec_of(value), .it_interval = spec_of(interval)};
}
static inline void sleep_ns(long long ns) {
    struct timespec left = spec_of(ns);
    while (nanosleep(&left, &left) == -1 && errno == EINTR) continue;
}
/* Uses the processor for so long. */
static inline void burn_ns(long long ns) {
    long long end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
    while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
        for (volatile int i = 0; i < 2000; i++) continue;
    }
}

/* A handler that counts. */
static volatile sig_atomic_t handled;
static inline void count_signal(int signal) {
    (void)signal;
    handled++;
}
static inline void handle(int signal, int flags) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    NEED(sigaction(signal, &action, NULL) == 0);
}
static inline void block(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
}
/* Takes a blocked signal; 0 and EAGAIN if none comes in time. */
static inline int take(int signal, siginfo_t* info, long long timeout_ns) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    struct timespec timeout = spec_of(timeout_ns);
    int got = sigtimedwait(&set, info, &timeout);
    return got == -1 ? 0 : got;
}

#endif
