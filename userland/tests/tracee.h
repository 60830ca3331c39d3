/* For tests of ptrace(2): tracees, their stops, their registers. */
#ifndef VITRINE_TRACEE_H
#define VITRINE_TRACEE_H

#include "tests/check.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#define STOPPED(status, signal) stopped_with(status, signal)
#define EVENT(status, event) stopped_with(status, SIGTRAP | (event) << 8)
#define GROUP_STOP(status, signal) stopped_with(status, (signal) | PTRACE_EVENT_STOP << 8)

static inline int stopped_with(int status, int code) {
    if (WIFSTOPPED(status) && status >> 8 == code) return 1;
    printf("# status %#x\n", status);
    return 0;
}

/* A child that does not outlive the case, should that fail. */
static inline pid_t child_of_case(void) {
    pid_t parent = getpid(), pid = fork_or_die();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
    }
    return pid;
}

/* musl and glibc disagree about the type of the first argument. */
static inline long trace(long request, pid_t pid, unsigned long address, unsigned long data) {
    return syscall(SYS_ptrace, request, pid, address, data);
}
static inline int next_status(pid_t pid) {
    int status = -1;
    pid_t found;
    do found = waitpid(pid, &status, __WALL);
    while (found == -1 && errno == EINTR);
    return found == pid ? status : -1;
}
static inline unsigned long peek(pid_t pid, const void* at) {
    unsigned long word = 0;
    NEED(trace(PTRACE_PEEKDATA, pid, (unsigned long)at, (unsigned long)&word) == 0);
    return word;
}
static inline struct user_regs_struct regs_of(pid_t pid) {
    struct user_regs_struct regs;
    NEED(trace(PTRACE_GETREGS, pid, 0, (unsigned long)&regs) == 0);
    return regs;
}
static inline int set_regs(pid_t pid, struct user_regs_struct regs) {
    return trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
}

/* A child that is traced by us and has stopped before `body`. */
static inline pid_t tracee(void (*body)(void)) {
    pid_t pid = child_of_case();
    if (pid == 0) {
        NEED(trace(PTRACE_TRACEME, 0, 0, 0) == 0);
        raise(SIGSTOP);
        body();
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    int status = next_status(pid);
    NEED(STOPPED(status, SIGSTOP));
    return pid;
}
static inline void resume(pid_t pid, int signal) { NEED(trace(PTRACE_CONT, pid, 0, signal) == 0); }
static inline void end(pid_t pid) {
    kill(pid, SIGKILL);
    int status;
    do status = next_status(pid);
    while (WIFSTOPPED(status));
    CHECK_KILLED(status, SIGKILL);
}
static inline void exits(pid_t pid, int code) { CHECK_EXITED(next_status(pid), code); }

/* A child that only waits, and is not traced. */
static inline pid_t sleeper(void) {
    pid_t pid = child_of_case();
    if (pid == 0) {
        for (;;) pause();
    }
    return pid;
}
static inline char state_of(pid_t pid) {
    char name[64], line[512] = "";
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    int fd = open(name, O_RDONLY);
    NEED(fd >= 0 && read(fd, line, sizeof line - 1) > 0);
    close(fd);
    return strrchr(line, ')')[2];
}
static inline int tracer_of(pid_t pid) {
    char name[64], text[4096] = "";
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    int fd = open(name, O_RDONLY);
    NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    const char* line = strstr(text, "TracerPid:");
    return line ? atoi(line + 10) : -1;
}

/* Bodies of tracees. */
static inline void nothing(void) {}
static inline void exit_seven(void) { _exit(7); }

static volatile int handled;
static inline void note(int signal) { handled = signal; }

static inline void raise_and_tell(void) {
    signal(SIGUSR1, note);
    signal(SIGUSR2, note);
    raise(SIGUSR1);
    _exit(handled);
}
static inline pid_t at_usr1(void) {
    pid_t pid = tracee(raise_and_tell);
    resume(pid, 0);
    NEED(STOPPED(next_status(pid), SIGUSR1));
    return pid;
}

#endif
