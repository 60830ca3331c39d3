/* Tasks: processes, threads, programs, credentials, what watches them. */
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "scarce/outcome.h"
#include "scarce/scarce.h"

static void reap(pid_t child) {
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR) continue;
}

static void fork_step(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) _exit(0);
    reap(child);
}

static void vfork_step(void) {
    const pid_t child = (pid_t)TRIED(vfork());
    if (child == 0) _exit(0);
    reap(child);
}

/* A process with memory to copy: areas, page tables. */
static void fork_large(void) {
    char* const at =
        TRIED_MAP(mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < 8 << 20; i += 1 << 20) at[i] = 1;
    for (size_t i = 0; i < 4; i++) TRIED(mprotect(at + i * 8192, 4096, PROT_READ));
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        for (size_t i = 1 << 20; i < 8 << 20; i += 1 << 20) at[i] = 2;
        _exit(0);
    }
    reap(child);
}

static void exec_step(void) {
    char number[12];
    snprintf(number, sizeof number, "%d", fail_nth_file());
    char* const words[] = {"scarce", "end", number, NULL};
    TRIED(execv("/proc/self/exe", words));
}

static void spawn_step(void) {
    char* const words[] = {"true", NULL};
    char* const none[] = {NULL};
    pid_t child = -1;
    TRIED_ERROR(posix_spawn(&child, "/bin/true", NULL, NULL, words, none));
    reap(child);
}

static void* idle_thread(void* unused) { return unused; }
static void thread_step(void) {
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) TRIED_ERROR(pthread_create(&thread[i], NULL, idle_thread, NULL));
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
}

/* The caller becomes the leader: exec while other threads live. */
static void* exec_thread(void* unused) {
    (void)unused;
    char* const words[] = {"true", NULL};
    execv("/bin/true", words);
    return NULL;
}
static void exec_in_thread(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        pthread_t thread;
        arm(0);
        if (pthread_create(&thread, NULL, exec_thread, NULL) == 0) pthread_join(thread, NULL);
        _exit(0);
    }
    reap(child);
}

static void pidfd_step(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        pause();
        _exit(0);
    }
    const long file = syscall(SYS_pidfd_open, child, 0);
    if (file >= 0) {
        struct pollfd wait = {.fd = (int)file, .events = POLLIN};
        poll(&wait, 1, 0);
    }
    kill(child, SIGKILL);
    reap(child);
    TRIED(file);
}

static void session_step(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        setsid();
        setpgid(0, 0);
        _exit(0);
    }
    reap(child);
}

static void user_step(void) {
    const gid_t groups[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    TRIED(setgroups(16, groups));
    TRIED(setresuid(12345, 12345, 0));
    TRIED(setresuid(0, 0, 0));
}

static void ptrace_step(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        pause();
        _exit(0);
    }
    const long attached = ptrace(PTRACE_ATTACH, child, 0, 0);
    const int error = errno;
    if (attached == 0) {
        waitpid(child, NULL, 0);
        ptrace(PTRACE_DETACH, child, 0, 0);
    }
    kill(child, SIGKILL);
    reap(child);
    errno = error;
    TRIED(attached);
}

static void policy_step(void) {
    const struct sched_param param = {.sched_priority = 3};
    TRIED(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param));
    struct {
        unsigned size, policy;
        unsigned long flags;
        int nice;
        unsigned priority;
        unsigned long runtime, deadline, period;
    } deadline = {48, 6, 0, 0, 0, 1000000, 100000000, 100000000};
    TRIED(syscall(SYS_sched_setattr, 0, &deadline, 0));
    TRIED(prctl(PR_SET_NAME, "scarce too"));
}

static void core_step(void) {
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) raise(SIGABRT);
    reap(child);
}

const struct step kTaskSteps[] = {
    {"fork", fork_step},
    {"vfork", vfork_step},
    {"fork-large", fork_large},
    {"exec", exec_step},
    {"spawn", spawn_step},
    {"threads", thread_step},
    {"exec-thread", exec_in_thread},
    {"pidfd", pidfd_step},
    {"session", session_step},
    {"user", user_step},
    {"ptrace", ptrace_step},
    {"policy", policy_step},
    {"core", core_step},
    {NULL, NULL},
};
