/// /init of a machine that does nothing but measure: what system calls cost on Linux' ABI.
///
/// Meant for QEMU with -icount shift=0: there one instruction is one nanosecond of
/// CLOCK_MONOTONIC, so the time of an operation is the number of its instructions, exactly. The
/// same static binary runs on Vitrine and on Linux. Prints "bench NAME TENTHS" (tenths of a
/// nanosecond for one operation) for each operation, "bench NAME failed", and "bench end".
///
/// Arguments (as pid 1: words on the kernel's command line) name the operations to run; without
/// them all are. As pid 1 it powers the machine off at the end.
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kFailed = 1 };

_Noreturn void fail(const char* what) {
    perror(what);
    _exit(kFailed);
}

static uint64_t now_ns(void) {
    struct timespec now;
    if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0) fail("clock_gettime");
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/// In the operation's own process: what one repetition costs, to the pipe.
static void measure(const Operation* operation, int result) {
    const unsigned few = operation->count / 8 + 1;
    if (operation->prepare) operation->prepare(few + operation->count);
    operation->run(few);
    const uint64_t start = now_ns();
    operation->run(operation->count);
    const uint64_t tenths = (now_ns() - start) * 10 / operation->count;
    if (write(result, &tenths, sizeof tenths) != sizeof tenths) _exit(kFailed);
    _exit(0);
}

static void run(const Operation* operation) {
    int ends[2], status = 0;
    uint64_t tenths = 0;
    if (pipe(ends) != 0) fail("pipe");
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) measure(operation, ends[1]);
    close(ends[1]);
    const ssize_t got = read(ends[0], &tenths, sizeof tenths);
    close(ends[0]);
    waitpid(child, &status, 0);
    if (got == sizeof tenths && status == 0) {
        printf("bench %s %llu\n", operation->name, (unsigned long long)tenths);
    } else {
        printf("bench %s failed\n", operation->name);
    }
}

static int is_wanted(const char* name, char** wanted) {
    if (*wanted == NULL) return 1;
    for (; *wanted != NULL; wanted++) {
        if (strcmp(name, *wanted) == 0) return 1;
    }
    return 0;
}

int main(int argc, char** argv) {
    (void)argc;
    static const Operation* const kParts[] = {kCallOperations,    kTimerOperations,
                                              kMemoryOperations,  kProcessOperations,
                                              kPartnerOperations, kCrowdOperations};
    const int is_init = getpid() == 1;
    if (is_init) {
        mkdir("/dev", 0755);
        mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    }
    for (size_t part = 0; part < sizeof kParts / sizeof *kParts; part++) {
        for (const Operation* it = kParts[part]; it->name != NULL; it++) {
            if (is_wanted(it->name, argv + 1)) run(it);
        }
    }
    printf("bench end\n");
    fflush(stdout);
    if (is_init) {
        sleep(1);  // the serial line drains
        reboot(RB_POWER_OFF);
        for (;;) pause();
    }
    return 0;
}
