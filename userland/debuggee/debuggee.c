/* What the debuggers are let loose on: functions, a thread, a global variable, a child. Built with
 * Debian's gcc for debugging (tests/system/test_debuggers.py looks for its names and lines). */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int total;
double half = 0.5;

int add(int left, int right) {
    int sum = left + right;
    return sum;
}

static void* in_thread(void* argument) {
    total = add(total, *(int*)argument);
    return NULL;
}

static void count(void) {
    for (int i = 1; i <= 3; i++) total = add(total, i);
}

static void with_thread(void) {
    int more = 36;
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, &more) == 0) pthread_join(thread, NULL);
}

static int with_child(void) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        puts("child");
        fflush(stdout);
        _exit(3);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* Until a debugger sets the variable. */
volatile int released;
static void wait_for_release(void) {
    while (!released) usleep(1000);
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "wait") == 0) wait_for_release();
    count();
    with_thread();
    printf("total %d\n", total);
    fflush(stdout);
    return with_child();
}
