/* Stop and continue: a process that was told to have stopped does nothing, one that goes on does
 * again, each is told once, and SIGKILL ends a stopped one. */
#include "stress/stress.h"

static void wait_for(pid_t child, int options, int code, int signal) {
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)child, &info, options) != 0) DEMAND(errno == EINTR);
    DEMAND_EQUAL(info.si_pid, child);
    DEMAND_EQUAL(info.si_code, code);
    DEMAND_EQUAL(info.si_status, signal);
}

static void stops_round(struct chance* from) {
    volatile uint64_t* const counter = share(4096);
    const pid_t child = fork_child();
    if (child == 0) {
        for (;;) { /* computing, sleeping and yielding in turn */
            ++*counter;
            if (*counter % 1024 == 0) nanosleep(&(struct timespec){0, 100000}, NULL);
        }
    }
    for (unsigned i = 3 + below(from, 10); i > 0; i--) {
        DEMAND(kill(child, below(from, 2) ? SIGSTOP : SIGTSTP) == 0);
        siginfo_t info = {0};
        DEMAND(waitid(P_PID, (id_t)child, &info, WSTOPPED) == 0);
        DEMAND_EQUAL(info.si_code, CLD_STOPPED);
        DEMAND_EQUAL(waitpid(child, NULL, WUNTRACED | WNOHANG), 0); /* told already */
        const uint64_t seen = *counter;
        nanosleep(&(struct timespec){0, (long)below(from, 500000)}, NULL);
        DEMAND_EQUAL(*counter, seen);
        DEMAND(kill(child, SIGCONT) == 0);
        wait_for(child, WCONTINUED, CLD_CONTINUED, SIGCONT);
        while (*counter == seen) nanosleep(&(struct timespec){0, 50000}, NULL);
        did(1);
    }
    if (below(from, 2)) {
        DEMAND(kill(child, SIGSTOP) == 0);
        wait_for(child, WSTOPPED, CLD_STOPPED, SIGSTOP);
    }
    DEMAND(kill(child, SIGKILL) == 0);
    wait_for(child, WEXITED, CLD_KILLED, SIGKILL);
    munmap((void*)counter, 4096);
}

const struct kind kStops = {"stops", stops_round,
                            "SIGSTOP, SIGTSTP and SIGCONT: what is stopped does nothing"};
