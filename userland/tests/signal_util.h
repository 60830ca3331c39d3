/* What tests of signals share: a handler that remembers, masks, the queue, children that wait. */
#ifndef VITRINE_SIGNAL_UTIL_H
#define VITRINE_SIGNAL_UTIL_H

#include "tests/check.h"

#include <time.h>

static volatile sig_atomic_t seen;
static siginfo_t last;
static inline void note(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)context;
    last = *info;
    seen++;
}
static inline void handle(int signal, int flags) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};
    NEED(sigaction(signal, &action, NULL) == 0);
}
static inline void block(int signal) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, signal);
    NEED(sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
}
/* Takes a pending signal out of the queue; 0 if there is none. */
static inline int take(int signal, siginfo_t* info) {
    sigset_t mask;
    struct timespec now = {0, 0};
    sigemptyset(&mask);
    sigaddset(&mask, signal);
    int got = sigtimedwait(&mask, info, &now);
    return got == -1 ? 0 : got;
}
static inline int queue(pid_t pid, int signal, int value) {
    union sigval v = {.sival_int = value};
    return sigqueue(pid, signal, v);
}
/* A user whom nobody else is: limits count by user, and kill(-1) reaches only these. */
static inline void become_somebody(void) {
    if (getuid() != 0) return;
    if (setgid(64321) != 0 || setuid(64321) != 0) skip_case("cannot become another user");
}
static inline pid_t pausing_child(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        for (;;) pause();
    }
    return pid;
}
static inline void nap(int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&time, &time) == -1 && errno == EINTR) continue;
}

#endif
