/* Restartable sequences: registration, the processor's number, aborts by preemption and signals. */
#include "tests/check.h"

#include <sched.h>
#include <sys/wait.h>

#ifndef SYS_rseq
#define SYS_rseq 334
#endif
#define SIGNATURE 0x53053053

struct area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t section;
    uint32_t flags, reserved[3];
} __attribute__((aligned(32)));

struct section {
    uint32_t version, flags;
    uint64_t start, length, abort;
} __attribute__((aligned(32)));

static struct area area, other;

static long reg(void* at, unsigned size, int flags, unsigned signature) {
    return syscall(SYS_rseq, at, size, flags, signature);
}

static void registration(void) {
    CHECK_ERRNO(reg((char*)&area + 8, 32, 0, SIGNATURE), EINVAL);
    CHECK_ERRNO(reg(&area, 16, 0, SIGNATURE), EINVAL);
    CHECK_ERRNO(reg(&area, 32, 2, SIGNATURE), EINVAL);
    CHECK_ERRNO(reg(&area, 32, 1, SIGNATURE), EINVAL); /* nothing to unregister */
    CHECK_ERRNO(reg((void*)0xffff888000000000, 32, 0, SIGNATURE), EFAULT);
    area.cpu_id = 77;
    CHECK_EQ(reg(&area, 32, 0, SIGNATURE), 0);
    CHECK_EQ(area.cpu_id, area.cpu_id_start);
    CHECK(area.cpu_id < 77);
    CHECK_ERRNO(reg(&area, 32, 0, SIGNATURE), EBUSY);
    CHECK_ERRNO(reg(&area, 32, 0, SIGNATURE + 1), EPERM);
    CHECK_ERRNO(reg(&other, 32, 0, SIGNATURE), EINVAL);
    CHECK_ERRNO(reg(&other, 32, 1, SIGNATURE), EINVAL);
    CHECK_ERRNO(reg(&area, 32, 1, SIGNATURE + 1), EPERM);
    CHECK_EQ(reg(&area, 32, 1, SIGNATURE), 0);
    CHECK_EQ(area.cpu_id, 0xffffffff);
    CHECK_EQ(area.cpu_id_start, 0);
    CHECK_EQ(reg(&area, 32, 0, SIGNATURE + 5), 0);
}

/* On every processor the number is the right one. */
static void number_of_processor(void) {
    cpu_set_t all, one;
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    NEED(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        NEED(sched_setaffinity(0, sizeof one, &one) == 0);
        unsigned mine;
        syscall(SYS_getcpu, &mine, NULL, NULL);
        CHECK_EQ(mine, cpu);
        CHECK_EQ(*(volatile uint32_t*)&area.cpu_id, cpu);
        CHECK_EQ(*(volatile uint32_t*)&area.cpu_id_start, cpu);
    }
}

/* Waits inside a critical section until the kernel throws it out; returns how many rounds it was.
 */
static struct section section;
static volatile uint64_t rounds;
static int wait_for_abort(void) {
    int aborted = 0;
    asm volatile(
        "lea 1f(%%rip), %%rax; mov %%rax, 8(%1);"
        "lea 2f(%%rip), %%rcx; sub %%rax, %%rcx; mov %%rcx, 16(%1);"
        "lea 3f(%%rip), %%rax; mov %%rax, 24(%1);"
        "mov %1, 8(%2);"
        "1: incq %3; cmpq $0, %4; jne 1b;"
        "2: jmp 4f;"
        ".long 0x53053053;"
        "3: mov $1, %0;"
        "4:"
        : "+r"(aborted)
        : "r"(&section), "r"(&area), "m"(rounds), "m"(rounds)
        : "rax", "rcx", "memory", "cc");
    return aborted;
}

static volatile int handled;
static void handler(int signal) {
    (void)signal;
    handled++;
    CHECK_EQ(area.section, 0); /* left before the handler runs */
}

static void aborted_by_signal(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    pid_t parent = getpid(), child = fork_or_die();
    if (child == 0) {
        for (int i = 0; i < 20; i++) {
            usleep(5000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    while (handled == 0 || rounds == 0) CHECK_EQ(wait_for_abort(), 1);
    status_of(child);
    CHECK(rounds > 0);
}

static void aborted_by_preemption(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    pid_t rival = fork_or_die();
    if (rival == 0) {
        for (;;) continue;
    }
    for (int i = 0; i < 3; i++) CHECK_EQ(wait_for_abort(), 1);
    kill(rival, SIGKILL);
    status_of(rival);
}

/* Outside of its section nothing happens, but for the section being forgotten. */
static void outside(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    static uint32_t code[4] = {0, SIGNATURE, 0, 0};
    section =
        (struct section){.start = (uintptr_t)&code[3], .length = 4, .abort = (uintptr_t)&code[2]};
    area.section = (uintptr_t)&section;
    raise(SIGCONT);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK_EQ(handled, 1);
    CHECK_EQ(area.section, 0);
}

static struct section bad;
static void use_bad(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    area.section = (uintptr_t)&bad;
    raise(SIGUSR1);
}
static void use_bad_pointer(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    area.section = 0xffffffff80000000;
    kill(getpid(), SIGCONT);
    usleep(20000);
}
static void lose_area(void) {
    struct area* gone = (struct area*)page_with(PROT_READ | PROT_WRITE);
    NEED(reg(gone, 32, 0, SIGNATURE) == 0);
    munmap(gone, 4096);
    usleep(20000);
}
static void hostile(void) {
    static uint32_t code[2] = {0x11111111, 0};
    bad = (struct section){
        .start = 0x1000, .length = 16, .abort = (uintptr_t)&code[1]}; /* signature */
    CHECK_KILLED(in_child(use_bad), SIGSEGV);
    code[0] = SIGNATURE;
    bad.version = 1;
    CHECK_KILLED(in_child(use_bad), SIGSEGV);
    bad.version = 0;
    bad.start = (uintptr_t)code; /* the abort address lies inside */
    CHECK_KILLED(in_child(use_bad), SIGSEGV);
    bad.start = 0x1000;
    bad.abort = 0xffffffff80000000;
    CHECK_KILLED(in_child(use_bad), SIGSEGV);
    bad.abort = (uintptr_t)&code[1];
    bad.start = (uint64_t)-8;
    CHECK_KILLED(in_child(use_bad), SIGSEGV);
    CHECK_KILLED(in_child(use_bad_pointer), SIGSEGV);
    CHECK_KILLED(in_child(lose_area), SIGSEGV);
}

/* A child process keeps its parent's area, in its own copy of the memory. */
static void in_the_child(void) {
    CHECK_ERRNO(reg(&area, 32, 0, SIGNATURE), EBUSY);
    CHECK(*(volatile uint32_t*)&area.cpu_id != 0xffffffff);
}
static void forked(void) {
    NEED(reg(&area, 32, 0, SIGNATURE) == 0);
    CHECK_EXITED(in_child(in_the_child), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(registration), CASE(number_of_processor),
                                          CASE(aborted_by_signal), CASE(aborted_by_preemption),
                                          CASE(outside), CASE(hostile), CASE(forked), END});
}
