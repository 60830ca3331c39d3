/* Whom a signal reaches, and many signals at once: groups, threads, stops, storms. */
#include "tests/signal_util.h"

#include <pthread.h>
#include <sched.h>

/* --- whom a signal reaches ----------------------------------------------------------------------
 */

static void groups(void) {
    become_somebody();
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = pausing_child();
        NEED(setpgid(children[i], children[i & ~1]) == 0);
    }
    CHECK(kill(-children[0], 0) == 0);
    CHECK(kill(-children[0], SIGUSR1) == 0);
    CHECK_KILLED(status_of(children[0]), SIGUSR1);
    CHECK_KILLED(status_of(children[1]), SIGUSR1);
    CHECK_ERRNO(kill(-children[0], 0), ESRCH);
    CHECK_ERRNO(kill(0x7ffffff0, 0), ESRCH);
    CHECK_ERRNO(kill(-0x7ffffff0, 0), ESRCH);
    CHECK_ERRNO(kill((int)0x80000000, 0), ESRCH);
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    CHECK_ERRNO(kill(getpid(), -1), EINVAL);
    CHECK_ERRNO(syscall(SYS_tkill, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, children[2], getpid(), 0), ESRCH);
    if (getuid() != 64321) return;
    /* All that one may signal, but not oneself. */
    handle(SIGUSR2, 0);
    CHECK(kill(-1, SIGUSR2) == 0);
    CHECK_EQ(seen, 0);
    CHECK_KILLED(status_of(children[2]), SIGUSR2);
    CHECK_KILLED(status_of(children[3]), SIGUSR2);
    CHECK(kill(-1, SIGUSR2) == 0); /* nobody is left; that all others refused is no failure */
    CHECK_ERRNO(kill(1, 0), EPERM);
    CHECK_ERRNO(kill(1, SIGTERM), EPERM);
}

/* A signal for the process goes to a thread that takes it. */
static volatile pid_t taker;
static void who(int signal) {
    (void)signal;
    taker = (pid_t)syscall(SYS_gettid);
}
static void* unblocked_thread(void* tid) {
    sigset_t none;
    sigemptyset(&none);
    *(volatile pid_t*)tid = (pid_t)syscall(SYS_gettid);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (;;) pause();
    return NULL;
}
static void chosen_thread(void) {
    static volatile pid_t other;
    pthread_t thread;
    signal(SIGUSR1, who);
    block(SIGUSR1);
    NEED(pthread_create(&thread, NULL, unblocked_thread, (void*)&other) == 0);
    while (other == 0) sched_yield();
    for (int i = 0; i < 20; i++) {
        taker = 0;
        kill(getpid(), SIGUSR1);
        while (taker == 0) sched_yield();
        CHECK_EQ(taker, other);
    }
    raise(SIGUSR1); /* this one is for the blocked thread alone */
    siginfo_t info;
    CHECK(take(SIGUSR1, &info) == SIGUSR1 && info.si_code == SI_TKILL);
}

static void stop_and_continue_cancel(void) {
    siginfo_t info;
    block(SIGTSTP);
    block(SIGCONT);
    raise(SIGTSTP);
    CHECK(kill(getpid(), SIGCONT) == 0); /* forgets the stop */
    CHECK(take(SIGTSTP, &info) == 0);
    raise(SIGTSTP); /* forgets the continuation */
    CHECK(take(SIGCONT, &info) == 0);
    CHECK(take(SIGTSTP, &info) == SIGTSTP);
    /* What is ignored vanishes, unless it is blocked and somebody may still want it. */
    block(SIGCHLD);
    raise(SIGCHLD);
    CHECK(take(SIGCHLD, &info) == SIGCHLD);
    raise(SIGCHLD);
    signal(SIGCHLD, SIG_IGN);
    CHECK(take(SIGCHLD, &info) == 0);
}

/* --- storms -------------------------------------------------------------------------------------
 */

static volatile int spin_on = 1;
static void* spin(void* unused) {
    while (spin_on) sched_yield();
    return unused;
}
static void stop_storm(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, spin, NULL);
        spin(NULL);
        _exit(0);
    }
    pid_t other = fork_or_die();
    if (other == 0) {
        for (;;) {
            kill(pid, SIGSTOP);
            kill(pid, SIGCONT);
        }
    }
    for (int i = 0; i < 150; i++) {
        int status;
        kill(pid, i % 2 ? SIGCONT : SIGTSTP);
        pid_t got = waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG);
        CHECK(got == 0 || (got == pid && (WIFSTOPPED(status) || WIFCONTINUED(status))));
    }
    kill(other, SIGKILL);
    CHECK_KILLED(status_of(other), SIGKILL);
    int status;
    kill(pid, SIGCONT);
    while (waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG) > 0) continue;
    kill(pid, SIGSTOP);
    do {
        CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    } while (!WIFSTOPPED(status));
    kill(pid, SIGKILL); /* also of what is stopped */
    CHECK_KILLED(status_of(pid), SIGKILL);
}

enum { kSenders = 3, kEach = 300 };
static volatile int last_of[kSenders], out_of_order, received;
static void count_in_order(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)context;
    int sender = info->si_value.sival_int / 1000, number = info->si_value.sival_int % 1000;
    if (number != last_of[sender] + 1) out_of_order++;
    last_of[sender] = number;
    received++;
}
static void signal_storm(void) {
    struct sigaction action = {.sa_sigaction = count_in_order, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN + 4, &action, NULL);
    pid_t me = getpid();
    for (int sender = 0; sender < kSenders; sender++) {
        if (fork_or_die() != 0) continue;
        for (int i = 1; i <= kEach; i++) {
            while (queue(me, SIGRTMIN + 4, sender * 1000 + i) != 0) sched_yield();
        }
        _exit(0);
    }
    int status;
    for (int i = 0; i < kSenders; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EXITED(status, 0);
    }
    while (received < kSenders * kEach) sched_yield();
    CHECK_EQ(received, kSenders * kEach);
    CHECK_EQ(out_of_order, 0);
}

/* Threads that end while signals are on their way to them. */
static void* short_life(void* unused) { return unused; }
static void dying_targets(void) {
    handle(SIGUSR1, SA_RESTART);
    pid_t me = getpid();
    pid_t pid = fork_or_die();
    if (pid == 0) {
        for (;;) {
            for (pid_t tid = me; tid < me + 40; tid++) syscall(SYS_tgkill, me, tid, SIGUSR1);
            kill(me, SIGUSR1);
        }
    }
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, short_life, NULL) == 0);
        pthread_join(thread, NULL);
    }
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(groups), CASE(chosen_thread),
                                          CASE(stop_and_continue_cancel), CASE(stop_storm),
                                          CASE(signal_storm), CASE(dying_targets), END});
}
