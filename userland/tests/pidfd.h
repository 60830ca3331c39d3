/* pidfds and clone3 as the kernel offers them: musl has no functions for them. */
#ifndef VITRINE_PIDFD_H
#define VITRINE_PIDFD_H

#include "tests/check.h"

#include <sched.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#define CLEAR_SIGHAND 0x100000000ull
#define INTO_CGROUP 0x200000000ull

struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

static inline int pidfd_open(pid_t pid, unsigned flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}
static inline int pidfd_send_signal(int fd, int signal, siginfo_t* info, unsigned flags) {
    return (int)syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}
static inline int pidfd_getfd(int pidfd, int fd, unsigned flags) {
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}
static inline long waitid_raw(int type, int id, void* info, int options) {
    return syscall(SYS_waitid, type, id, info, options, NULL);
}
/* With a stack in `arguments` the child returns here on it: only for children without one. */
static inline pid_t clone3(struct clone_arguments* arguments, size_t size) {
    fflush(stdout);
    return (pid_t)syscall(SYS_clone3, arguments, size);
}

/* The value of a line "key:\tvalue" in /proc/self/fdinfo/<fd>; -99 if there is none. */
static inline int fdinfo_number(int fd, const char* key) {
    char name[64], line[128];
    int value = -99;
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE* file = fopen(name, "r");
    if (!file) return -98;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) value = atoi(line + strlen(key));
    }
    fclose(file);
    return value;
}

#endif
