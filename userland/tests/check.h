/* What every test program needs: cases, checks, TAP output.
 *
 *     static void one_thing(void) { CHECK(open("/none", O_RDONLY) == -1); }
 *     int main(void) { return run_cases((struct test_case[]){CASE(one_thing), END}); }
 *
 * Each case runs in a child of its own with an alarm, so that one that crashes or hangs fails
 * alone; it starts in a fresh directory that is removed afterwards. Output is TAP; the exit status
 * is 0 when nothing failed. The programs pass on Linux too: there they are compared with the
 * original. */
#ifndef VITRINE_CHECK_H
#define VITRINE_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS                                                                \
    60 /* a guard against hangs, not a measure: emulators are slow. The environment \
        * may say otherwise */
#define SKIPPED 77

struct test_case {
    const char* name;
    void (*run)(void);
};
#define CASE(function) \
    { #function, function }
#define END \
    { NULL, NULL }

static int failed_checks;

static inline void failed_check(const char* file, int line, const char* what, long got, long want) {
    failed_checks++;
    printf("# %s:%d: %s: got %ld, wanted %ld (errno %d %s)\n", file, line, what, got, want, errno,
           strerror(errno));
    fflush(stdout);
}

/* The condition holds. */
#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) failed_check(__FILE__, __LINE__, #condition, 0, 1); \
    } while (0)

/* The two numbers are equal. */
#define CHECK_EQ(got, want)                                                     \
    do {                                                                        \
        long got_ = (long)(got), want_ = (long)(want);                          \
        if (got_ != want_) failed_check(__FILE__, __LINE__, #got, got_, want_); \
    } while (0)

/* The call returns -1 and sets errno to `error`. */
#define CHECK_ERRNO(call, error)                                            \
    do {                                                                    \
        errno = 0;                                                          \
        long got_ = (long)(call);                                           \
        if (got_ != -1) {                                                   \
            failed_check(__FILE__, __LINE__, #call, got_, -1);              \
        } else if (errno != (error)) {                                      \
            failed_check(__FILE__, __LINE__, #call " errno", errno, error); \
        }                                                                   \
    } while (0)

/* As CHECK, but the rest of the case makes no sense without it. */
#define NEED(condition)                                         \
    do {                                                        \
        if (!(condition)) {                                     \
            failed_check(__FILE__, __LINE__, #condition, 0, 1); \
            fflush(stdout);                                     \
            _exit(1);                                           \
        }                                                       \
    } while (0)

/* This machine cannot do that: the case counts as skipped. */
static inline void skip_case(const char* why) {
    printf("# skipped: %s\n", why);
    fflush(stdout);
    _exit(SKIPPED);
}

static inline pid_t fork_or_die(void) {
    fflush(stdout);
    pid_t pid = fork();
    NEED(pid >= 0);
    return pid;
}

/* The wait status of `pid`, whatever signals come. */
static inline int status_of(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) continue;
    return status;
}

/* Runs `body` in a child; returns its wait status. */
static inline int in_child(void (*body)(void)) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        body();
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    return status_of(pid);
}
#define CHECK_EXITED(status, code)            \
    do {                                      \
        int status_ = (status);               \
        CHECK(WIFEXITED(status_));            \
        CHECK_EQ(WEXITSTATUS(status_), code); \
    } while (0)
#define CHECK_KILLED(status, signal)         \
    do {                                     \
        int status_ = (status);              \
        CHECK(WIFSIGNALED(status_));         \
        CHECK_EQ(WTERMSIG(status_), signal); \
    } while (0)

static inline void write_file(const char* name, const void* bytes, size_t count, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    NEED(fd >= 0);
    NEED(write(fd, bytes, count) == (ssize_t)count);
    NEED(fchmod(fd, mode) == 0);
    close(fd);
}

/* --- addresses that no call may accept ----------------------------------------------------------
 */

static inline long page_size(void) { return 4096; }

/* A page that was mapped and is not any more. */
static inline char* unmapped_page(void) {
    char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    NEED(munmap(page, 4096) == 0);
    return page;
}
static inline char* page_with(int protection) {
    char* page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    return page;
}
/* The last `count` bytes before an unmapped page. */
static inline char* before_the_end(size_t count) {
    char* pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(pages != MAP_FAILED);
    NEED(munmap(pages + 4096, 4096) == 0);
    return pages + 4096 - count;
}

/* --- the runner
 * ----------------------------------------------------------------------------------- */

static inline void enter_scratch(char* room) {
    strcpy(room, "/tmp/check.XXXXXX");
    if (!mkdtemp(room)) {
        strcpy(room, "check.XXXXXX");
        NEED(mkdtemp(room));
    }
    NEED(chdir(room) == 0);
}

/* Removes what `name` is or contains. */
static inline void remove_tree(const char* name) {
    char command[300];
    if (unlink(name) == 0 || rmdir(name) == 0) return;
    snprintf(command, sizeof command, "rm -rf '%s'", name);
    if (system(command) != 0) printf("# left behind: %s\n", name);
}

static inline int run_one(const struct test_case* test) {
    char scratch[64];
    char here[512];
    NEED(getcwd(here, sizeof here));
    enter_scratch(scratch);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        const char* const longer = getenv("CASE_SECONDS");
        alarm(longer ? (unsigned)atoi(longer) : CASE_SECONDS);
        test->run();
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    int status = status_of(pid);
    NEED(chdir(here) == 0);
    remove_tree(scratch);
    if (WIFSIGNALED(status)) printf("# %s died of signal %d\n", test->name, WTERMSIG(status));
    return status;
}

/* Whoever started us may ignore or block signals (nohup does): the cases want none of that. */
static inline void default_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    }
}

static inline int run_cases(const struct test_case* cases) {
    int count = 0, failures = 0;
    default_signals();
    while (cases[count].name) count++;
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        int status = run_one(&cases[i]);
        int skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
        if (status != 0 && !skipped) failures++;
        printf("%s %d - %s%s\n", status == 0 || skipped ? "ok" : "not ok", i + 1, cases[i].name,
               skipped ? " # SKIP" : "");
        fflush(stdout);
    }
    return failures != 0;
}

#endif
