/// Calls that do little: the door itself, files, signals.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { kNoSuchCall = 1000, kFutexWakePrivate = 129 };
static int file;  // what the operation works on
static char buffer[65536] __attribute__((aligned(4096)));

static void null_getppid(unsigned count) {
    while (count-- > 0) syscall(SYS_getppid);
}

static void enosys(unsigned count) {
    while (count-- > 0) must_be(syscall(kNoSuchCall), -1, "a call that does not exist");
}

static void clock_gettime_syscall(unsigned count) {
    struct timespec now;
    while (count-- > 0) syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
}

/* As programs ask: through the library, and so through the vDSO. */
static void clock_gettime_libc(unsigned count) {
    struct timespec now;
    while (count-- > 0) clock_gettime(CLOCK_MONOTONIC, &now);
}

static void open_zero(unsigned count) {
    (void)count;
    file = open("/dev/zero", O_RDONLY);
    if (file < 0) fail("/dev/zero");
}

static void open_null(unsigned count) {
    (void)count;
    file = open("/dev/null", O_WRONLY);
    if (file < 0) fail("/dev/null");
}

static void read_zero_1(unsigned count) {
    while (count-- > 0) must_be(read(file, buffer, 1), 1, "read");
}

static void read_zero_64k(unsigned count) {
    while (count-- > 0) must_be(read(file, buffer, sizeof buffer), sizeof buffer, "read");
}

static void write_null_1(unsigned count) {
    while (count-- > 0) must_be(write(file, buffer, 1), 1, "write");
}

static void make_file(unsigned count) {
    (void)count;
    file = open("/bench.file", O_RDWR | O_CREAT, 0644);
    if (file < 0) fail("/bench.file");
}

static void open_close(unsigned count) {
    while (count-- > 0) must_be(close(open("/bench.file", O_RDONLY)), 0, "open and close");
}

static void stat_file(unsigned count) {
    struct stat st;
    while (count-- > 0) must_be(syscall(SYS_stat, "/bench.file", &st), 0, "stat");
}

static void fstat_file(unsigned count) {
    struct stat st;
    while (count-- > 0) must_be(syscall(SYS_fstat, file, &st), 0, "fstat");
}

static void dup_close(unsigned count) {
    while (count-- > 0) must_be(close(dup(file)), 0, "dup and close");
}

static void getcwd_root(unsigned count) {
    while (count-- > 0) syscall(SYS_getcwd, buffer, sizeof buffer);
}

// --- signals: the calls themselves, without what libc adds

static void sigaction_same(unsigned count) {
    char action[32];
    must_be(syscall(SYS_rt_sigaction, SIGUSR1, NULL, action, 8), 0, "rt_sigaction");
    while (count-- > 0) syscall(SYS_rt_sigaction, SIGUSR1, action, NULL, 8);
}

static void sigprocmask_same(unsigned count) {
    uint64_t mask = 0;
    while (count-- > 0) syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

static volatile unsigned handled;
static void handle(int number) {
    (void)number;
    handled++;
}

static void set_handler(unsigned count) {
    (void)count;
    const struct sigaction action = {.sa_handler = handle};
    must_be(sigaction(SIGUSR1, &action, NULL), 0, "sigaction");
}

static void signal_raise_handle(unsigned count) {
    const long pid = getpid(), tid = syscall(SYS_gettid);
    handled = 0;
    for (unsigned n = 0; n < count; n++) syscall(SYS_tgkill, pid, tid, SIGUSR1);
    must_be(handled, count, "handled signals");
}

static void futex_wake_empty(unsigned count) {
    static uint32_t word;
    while (count-- > 0) syscall(SYS_futex, &word, kFutexWakePrivate, 1, NULL, NULL, 0);
}

const Operation kCallOperations[] = {
    {"null_getppid", 4000, null_getppid, NULL},
    {"enosys", 4000, enosys, NULL},
    {"clock_gettime_syscall", 4000, clock_gettime_syscall, NULL},
    {"clock_gettime_libc", 4000, clock_gettime_libc, NULL},
    {"read_zero_1", 4000, read_zero_1, open_zero},
    {"read_zero_64k", 400, read_zero_64k, open_zero},
    {"write_null_1", 4000, write_null_1, open_null},
    {"open_close", 2000, open_close, make_file},
    {"stat", 2000, stat_file, make_file},
    {"fstat", 2000, fstat_file, make_file},
    {"dup_close", 4000, dup_close, make_file},
    {"getcwd", 4000, getcwd_root, NULL},
    {"sigaction", 4000, sigaction_same, NULL},
    {"sigprocmask", 4000, sigprocmask_same, NULL},
    {"signal_raise_handle", 2000, signal_raise_handle, set_handler},
    {"futex_wake_empty", 4000, futex_wake_empty, NULL},
    {NULL, 0, NULL, NULL},
};
