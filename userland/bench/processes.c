/// Processes come and go; processes take turns.
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static char* const kTinyArguments[] = {TINY, NULL};
static char* const kNoEnvironment[] = {NULL};

static void wait_for(pid_t child, const char* what) {
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail(what);
}

static void fork_exit_wait(unsigned count) {
    while (count-- > 0) {
        const pid_t child = fork();
        if (child == 0) _exit(0);
        wait_for(child, "fork");
    }
}

/// Small pages, all touched, which fork has to share.
static void touch(size_t size) {
    char* const at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    madvise(at, size, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < size; i += 4096) *(volatile char*)(at + i) = 1;
}
static void touch_16m(unsigned count) {
    (void)count;
    touch(16 << 20);
}
static void touch_64m(unsigned count) {
    (void)count;
    touch(64 << 20);
}

static void fork_exec_wait(unsigned count, char* program) {
    char* const arguments[] = {program, NULL};
    while (count-- > 0) {
        const pid_t child = fork();
        if (child == 0) {
            execve(program, arguments, kNoEnvironment);
            _exit(127);
        }
        wait_for(child, "fork and exec");
    }
}
static void fork_exec_tiny_wait(unsigned count) { fork_exec_wait(count, TINY); }
static void fork_exec_static_wait(unsigned count) { fork_exec_wait(count, STATIC); }
static void fork_exec_dynamic_wait(unsigned count) { fork_exec_wait(count, DYNAMIC); }

static void vfork_exec_tiny_wait(unsigned count) {
    while (count-- > 0) {
        const pid_t child = vfork();
        if (child == 0) {
            execve(TINY, kTinyArguments, kNoEnvironment);
            _exit(127);
        }
        wait_for(child, "vfork and exec");
    }
}

static void yield(unsigned count) {
    while (count-- > 0) sched_yield();
}

/// A process that does `work` for ever and dies with this one.
static void start_partner(void (*work)(void)) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    _exit(0);
}

static void yield_for_ever(void) {
    for (;;) yield(1);
}

static void start_yielder(unsigned count) {
    (void)count;
    start_partner(yield_for_ever);
}

static int to_partner[2], from_partner[2];
static char block[65536];

static void echo_bytes(void) {
    char byte;
    close(to_partner[1]);
    while (read(to_partner[0], &byte, 1) == 1) {
        if (write(from_partner[1], &byte, 1) != 1) break;
    }
}

static void start_echo(unsigned count) {
    (void)count;
    if (pipe(to_partner) != 0 || pipe(from_partner) != 0) fail("pipe");
    start_partner(echo_bytes);
}

/// There and back: two switches.
static void pipe_pingpong(unsigned count) {
    char byte = 1;
    while (count-- > 0) {
        must_be(write(to_partner[1], &byte, 1), 1, "write");
        must_be(read(from_partner[0], &byte, 1), 1, "read");
    }
}

static void swallow(void) {
    close(to_partner[1]);
    while (read(to_partner[0], block, sizeof block) > 0) continue;
}

static void start_swallower(unsigned count) {
    (void)count;
    if (pipe(to_partner) != 0) fail("pipe");
    start_partner(swallow);
}

/// One MiB through a pipe, 64 KiB at a time.
static void pipe_bw_mib(unsigned count) {
    for (unsigned n = 0; n < count * 16; n++) {
        must_be(write(to_partner[1], block, sizeof block), sizeof block, "write");
    }
}

const Operation kProcessOperations[] = {
    {"fork_exit_wait", 200, fork_exit_wait, NULL},
    {"fork_16m_exit_wait", 20, fork_exit_wait, touch_16m},
    {"fork_64m_exit_wait", 10, fork_exit_wait, touch_64m},
    {"fork_exec_tiny_wait", 100, fork_exec_tiny_wait, NULL},
    {"fork_exec_static_wait", 60, fork_exec_static_wait, NULL},
    {"fork_exec_dynamic_wait", 40, fork_exec_dynamic_wait, NULL},
    {"vfork_exec_tiny_wait", 100, vfork_exec_tiny_wait, NULL},
    {"sched_yield_alone", 4000, yield, NULL},
    {"sched_yield_2proc", 40000, yield, start_yielder},
    {"pipe_pingpong", 1000, pipe_pingpong, start_echo},
    {"pipe_bw_mib", 8, pipe_bw_mib, start_swallower},
    {NULL, 0, NULL, NULL},
};
