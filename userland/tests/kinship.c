/* Children belong to the thread that made them: who is told of what, and which status a process of
 * several threads leaves. */
#include "tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

/* --- the status of threads that end one by one ---------------------------------------------------
 */

static void* ends_last(void* argument) {
    usleep(30000);
    syscall(SYS_exit, (int)(intptr_t)argument);
    return NULL;
}
static void last_thread_decides(void) {
    pid_t child = fork_or_die();
    if (child == 0) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, ends_last, (void*)42) == 0);
        syscall(SYS_exit, 7);
    }
    CHECK_EXITED(status_of(child), 42);
    child = fork_or_die();
    if (child == 0) { /* but who ends all, decides for all */
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, ends_last, (void*)42) == 0);
        _exit(7);
    }
    CHECK_EXITED(status_of(child), 7);
}

/* --- prctl(PR_SET_PDEATHSIG): the thread that forked, not its process
 * --------------------------- */

static volatile int* shared; /* what children tell */
static void note_end(int signal) { shared[0] = signal; }

static void* fork_and_end(void* argument) {
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGUSR1, note_end);
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        shared[1] = 1; /* ready */
        for (int i = 0; i < 3000 && !shared[0]; i++) usleep(1000);
        _exit(shared[0] == SIGUSR1 && getppid() == (pid_t)shared[2] ? 0 : 1);
    }
    while (!shared[1]) usleep(1000);
    *(pid_t*)argument = child;
    return NULL;
}
static void thread_that_forked_ends(void) {
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared != MAP_FAILED);
    shared[2] = getpid();
    pthread_t thread;
    pid_t child = 0;
    NEED(pthread_create(&thread, NULL, fork_and_end, &child) == 0);
    pthread_join(thread, NULL);
    NEED(child > 0);
    CHECK_EXITED(status_of(child), 0); /* it is ours now */
}

/* --- __WNOTHREAD
 * ------------------------------------------------------------------------------- */

static void* wait_for_others(void* argument) {
    const pid_t* children = argument; /* the main thread's */
    CHECK_ERRNO(waitpid(children[0], NULL, __WNOTHREAD | WNOHANG), ECHILD);
    CHECK_ERRNO(waitpid(-1, NULL, __WNOTHREAD), ECHILD);
    const pid_t own = fork();
    if (own == 0) _exit(9);
    int status = 0;
    CHECK_EQ(waitpid(-1, &status, __WNOTHREAD), own);
    CHECK_EXITED(status, 9);
    CHECK_EQ(waitpid(children[0], &status, 0), children[0]); /* without it, anybody's */
    CHECK_EXITED(status, 3);
    return NULL;
}
static void* fork_for_the_process(void* argument) {
    const pid_t child = fork();
    if (child == 0) _exit(5);
    *(pid_t*)argument = child;
    return NULL;
}
static void children_of_one_thread(void) {
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork_or_die();
        if (children[i] == 0) _exit(3 + i);
    }
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, wait_for_others, children) == 0);
    pthread_join(thread, NULL);
    int status;
    CHECK_EQ(waitpid(-1, &status, __WNOTHREAD), children[1]);
    CHECK_EXITED(status, 4);
    /* Those of a thread that has ended are left to another. */
    pid_t left = 0;
    NEED(pthread_create(&thread, NULL, fork_for_the_process, &left) == 0);
    pthread_join(thread, NULL);
    usleep(2000); /* joined is not yet gone */
    CHECK_EQ(waitpid(-1, &status, __WNOTHREAD), left);
    CHECK_EXITED(status, 5);
}

/* --- clone's signal, after the parent became another program
 * ------------------------------------ */

static int sleep_a_little(void* argument) {
    (void)argument;
    usleep(100000);
    return 0;
}
/* The new program knows nothing of SIGUSR1, which would end it: its child's end is SIGCHLD for it.
 */
static void signal_for_another_program(void) {
    static char stack[16384];
    pid_t child = fork_or_die();
    if (child == 0) {
        NEED(clone(sleep_a_little, stack + sizeof stack, SIGUSR1, NULL) > 0);
        execl("/bin/sh", "sh", "-c", "sleep 0.5; exit 6", (char*)NULL);
        _exit(1);
    }
    CHECK_EXITED(status_of(child), 6);
    child = fork_or_die();
    if (child == 0) { /* the program that agreed on it gets it */
        NEED(clone(sleep_a_little, stack + sizeof stack, SIGUSR1, NULL) > 0);
        for (;;) pause();
    }
    CHECK_KILLED(status_of(child), SIGUSR1);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(last_thread_decides), CASE(thread_that_forked_ends),
                                          CASE(children_of_one_thread),
                                          CASE(signal_for_another_program), END});
}
