/* Several threads call execve at once, while signals that stop and kill come from outside: one
 * wins, the others are gone, the process keeps its number, and its parent is told one end. */
#include "hostile/hostile.h"

#include <pthread.h>
#include <sys/syscall.h>

#include "chance.h"

#define RACERS 6

static pthread_barrier_t gate;
static bool fail_first;
static char own_path[256]; /* /proc/self is not there once the first thread has left */

static void* race(void* number) {
    char code[16];
    char* argv[] = {(char*)"hostile", (char*)"exit", code, NULL};
    char* environment[] = {NULL};
    snprintf(code, sizeof code, "%d", 10 + (int)(intptr_t)number);
    pthread_barrier_wait(&gate);
    if (fail_first) execve("/nowhere", argv, environment); /* which changes nothing */
    execve(own_path, argv, environment);
    return NULL;
}

enum way { PLAIN, MAIN_LEAVES, GROUP_EXITS, WAYS };

static _Noreturn void run_races(enum way way) {
    pthread_t thread;
    DEMAND(pthread_barrier_init(&gate, NULL, RACERS + 1) == 0);
    for (intptr_t i = 1; i <= RACERS; i++) {
        DEMAND_EQUAL(pthread_create(&thread, NULL, race, (void*)i), 0);
    }
    if (way == PLAIN) race((void*)0);
    pthread_barrier_wait(&gate);
    if (way == MAIN_LEAVES) syscall(SYS_exit, 0);
    _exit(10);
}

static void one_race(struct chance* from) {
    const enum way way = below(from, WAYS);
    fail_first = below(from, 2);
    const unsigned nuisance = below(from, 4);
    const pid_t child = fork();
    DEMAND(child >= 0);
    if (child == 0) run_races(way);
    for (unsigned i = below(from, 5); nuisance == 1 && i > 0; i--) {
        kill(child, SIGSTOP);
        kill(child, SIGCONT);
        nap_us(below(from, 500));
    }
    if (nuisance == 2) {
        nap_us(below(from, 3000));
        kill(child, SIGKILL);
    }
    int status = -1;
    DEMAND_EQUAL(waitpid(child, &status, 0), child);
    const bool exited =
        WIFEXITED(status) && WEXITSTATUS(status) >= 10 && WEXITSTATUS(status) <= 10 + RACERS;
    DEMAND(exited || (nuisance == 2 && status == SIGKILL));
    DEMAND(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

void execs(long size) {
    struct chance from = {1};
    DEMAND(readlink("/proc/self/exe", own_path, sizeof own_path - 1) > 0);
    for (long i = 0; i < size; i++) one_race(&from);
}
