/* Children that have ended and that nobody waits for: each keeps its number and its status, until
 * its parent looks, or ends. */
#include "hostile/hostile.h"

static void beget(long size) {
    for (long i = 0; i < size; i++) {
        const pid_t child = fork();
        DEMAND(child >= 0);
        if (child == 0) _exit((int)(i % 251));
    }
}

static void look_at_all(long size) {
    long wanted = 0, sum = 0;
    for (long i = 0; i < size; i++) wanted += i % 251;
    beget(size);
    for (int status; size > 0; size--) {
        siginfo_t info = {0};
        DEMAND(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
        DEMAND(kill(info.si_pid, 0) == 0); /* it is still there */
        DEMAND_EQUAL(waitpid(info.si_pid, &status, 0), info.si_pid);
        DEMAND(WIFEXITED(status) && WEXITSTATUS(status) == info.si_status);
        sum += WEXITSTATUS(status);
    }
    DEMAND(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    DEMAND_EQUAL(sum, wanted);
}

void zombies(long size) {
    look_at_all(size);
    beget(size); /* left to init */
}
