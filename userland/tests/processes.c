/* fork, copy-on-write, wait, exit, process groups and sessions. */
#include "tests/check.h"

#include <sys/resource.h>

static void exit_codes(void) {
    static const int codes[] = {0, 1, 127, 255, 256 + 7};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) _exit(codes[i]);
        CHECK_EXITED(status_of(pid), codes[i] & 255);
    }
    pid_t pid = fork_or_die();
    if (pid == 0) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    CHECK_KILLED(status_of(pid), SIGKILL);
}

/* What one side writes after the fork, the other does not see; in every kind of memory. */
static int data_word = 1;
static void copy_on_write(void) {
    enum { kPages = 64 };
    int stack_word = 1;
    int* heap = malloc(sizeof *heap);
    char* area =
        mmap(NULL, kPages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(heap && area != MAP_FAILED);
    *heap = 1;
    for (int i = 0; i < kPages; i++) area[i * 4096] = (char)i;
    int p[2];
    char go;
    NEED(pipe(p) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        NEED(read(p[0], &go, 1) == 1); /* the parent has written by now */
        CHECK(data_word == 1 && stack_word == 1 && *heap == 1);
        for (int i = 0; i < kPages; i++) NEED(area[i * 4096] == (char)i);
        memset(area, 'c', kPages * 4096);
        _exit(failed_checks != 0);
    }
    data_word = stack_word = *heap = 2;
    for (int i = 0; i < kPages; i += 2) area[i * 4096] = 'p';
    NEED(write(p[1], "g", 1) == 1);
    CHECK_EXITED(status_of(pid), 0);
    for (int i = 0; i < kPages; i++) NEED(area[i * 4096] == (i % 2 ? (char)i : 'p'));
    CHECK(data_word == 2 && stack_word == 2 && *heap == 2);
}

static void shared_memory(void) {
    int* word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(word != MAP_FAILED);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        *word = 42;
        _exit(0);
    }
    CHECK_EXITED(status_of(pid), 0);
    CHECK_EQ(*word, 42);
}

static void waiting(void) {
    int status, p[2];
    char c;
    CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(getppid(), &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(-1, &status, 0x10), EINVAL);
    NEED(pipe(p) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        NEED(read(p[0], &c, 1) == 1);
        _exit(3);
    }
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    NEED(write(p[1], "x", 1) == 1);
    siginfo_t info = {0};
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 3);
    struct rusage usage;
    CHECK_EQ(wait4(pid, &status, 0, &usage), pid); /* WNOWAIT left it */
    CHECK_EXITED(status, 3);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
}

static void stop_and_continue(void) {
    int status;
    pid_t pid = fork_or_die();
    if (pid == 0) {
        for (;;) pause();
    }
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0); /* told once */
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(kill(pid, SIGKILL) == 0); /* a stopped process can be killed */
    CHECK_KILLED(status_of(pid), SIGKILL);
}

/* Many children at once are all reaped, each exactly once. */
static void many(void) {
    enum { kChildren = 40 };
    char seen[kChildren] = {0};
    for (int i = 0; i < kChildren; i++) {
        if (fork_or_die() == 0) _exit(i);
    }
    for (int i = 0; i < kChildren; i++) {
        int status;
        NEED(wait(&status) > 0);
        NEED(WIFEXITED(status) && WEXITSTATUS(status) < kChildren);
        NEED(!seen[WEXITSTATUS(status)]++);
    }
    CHECK_ERRNO(wait(NULL), ECHILD);
}

static void orphan(void) {
    int p[2];
    pid_t new_parent;
    NEED(pipe(p) == 0);
    pid_t middle = fork_or_die();
    if (middle == 0) {
        middle = getpid();
        if (fork_or_die() != 0) _exit(0);
        while (getppid() == middle) usleep(1000);
        new_parent = getppid();
        NEED(write(p[1], &new_parent, sizeof new_parent) == sizeof new_parent);
        _exit(0);
    }
    CHECK_EXITED(status_of(middle), 0);
    NEED(read(p[0], &new_parent, sizeof new_parent) == sizeof new_parent);
    CHECK(new_parent != middle && new_parent > 0);
}

static void ignored_children(void) {
    signal(SIGCHLD, SIG_IGN);
    if (fork_or_die() == 0) _exit(0);
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD); /* waits for it, but nothing is left to report */
}

static int after_vfork;
static void vforked(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        after_vfork = 7; /* the memory is shared, and the parent waits */
        _exit(9);
    }
    CHECK_EQ(after_vfork, 7);
    CHECK_EXITED(status_of(pid), 9);
}

static void groups(void) {
    pid_t self = getpid(), group = getpgrp();
    CHECK_EQ(getpgid(0), group);
    CHECK_EQ(getsid(0), getsid(self));
    CHECK_ERRNO(getpgid(0x7ffffff), ESRCH);
    CHECK_ERRNO(setpgid(0, -1), EINVAL);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        CHECK(setpgid(0, 0) == 0);
        CHECK_EQ(getpgrp(), getpid());
        CHECK_ERRNO(setsid(), EPERM); /* a group leader cannot */
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
    pid = fork_or_die();
    if (pid == 0) {
        CHECK_EQ(setsid(), getpid());
        CHECK(getsid(0) == getpid() && getpgrp() == getpid());
        CHECK_ERRNO(setpgid(0, group), EPERM); /* another session's group */
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
    CHECK_ERRNO(kill(0x7ffffff, 0), ESRCH);
    CHECK_ERRNO(kill(self, 65), EINVAL);
}

/* Who is told of a stop finds the child stopped, not on its way there. */
static char state_of(pid_t pid) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    NEED(got > 0);
    text[got] = 0;
    const char* end = strrchr(text, ')');
    NEED(end != NULL);
    return end[2];
}
static void stopped_when_told(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        for (;;) raise(SIGSTOP);
    }
    for (int i = 0; i < 300 && failed_checks == 0; i++) {
        int status;
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK_EQ(state_of(pid), 'T');
        CHECK_EQ(kill(pid, SIGCONT), 0);
    }
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(exit_codes), CASE(stopped_when_told), CASE(copy_on_write), CASE(shared_memory),
        CASE(waiting), CASE(stop_and_continue), CASE(many), CASE(orphan), CASE(ignored_children),
        CASE(vforked), CASE(groups), END});
}
