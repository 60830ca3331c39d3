/* Where and how tasks run: a task runs only where it may, and keeps the nice value and the policy
 * that it was given, while it is moved about. */
#include "stress/stress.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Moves itself, or a child that computes, and looks where it is. */
static void check_place(int wanted) {
    for (int i = 0; i < 20; i++) {
        DEMAND_EQUAL(sched_getcpu(), wanted);
        if (i % 4 == 0) sched_yield();
    }
}

static void move_about(struct chance* from) {
    for (unsigned i = 5 + below(from, 20); i > 0; i--) {
        const int place = processor(below(from, 64));
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(place, &set);
        DEMAND(sched_setaffinity(0, sizeof set, &set) == 0);
        check_place(place);
        did(1);
    }
}

/* Moves the running `child` about from outside. */
static void push_about(struct chance* from, pid_t child) {
    for (unsigned i = 5 + below(from, 20); i > 0; i--) {
        cpu_set_t set, seen;
        CPU_ZERO(&set);
        CPU_SET(processor(below(from, 64)), &set);
        if (below(from, 2)) CPU_SET(processor(below(from, 64)), &set);
        DEMAND(sched_setaffinity(child, sizeof set, &set) == 0);
        DEMAND(sched_getaffinity(child, sizeof seen, &seen) == 0);
        DEMAND(CPU_EQUAL(&set, &seen));
        if (below(from, 4) == 0) nanosleep(&(struct timespec){0, 100000}, NULL);
        did(1);
    }
}

/* The real-time ones need rights: without, EPERM is the answer. */
static void change_policy(struct chance* from) {
    static const int policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR};
    const int policy = policies[below(from, sizeof policies / sizeof policies[0])];
    const bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
    const struct sched_param wanted = {.sched_priority = real_time ? 1 + (int)below(from, 20) : 0};
    struct sched_param seen = {0};
    /* musl's wrappers refuse, for what POSIX says of processes; the calls are about one thread */
    if (syscall(SYS_sched_setscheduler, 0, policy, &wanted) != 0) {
        DEMAND(errno == EPERM);
        return;
    }
    DEMAND_EQUAL(syscall(SYS_sched_getscheduler, 0), policy);
    DEMAND(syscall(SYS_sched_getparam, 0, &seen) == 0);
    DEMAND_EQUAL(seen.sched_priority, wanted.sched_priority);
    for (unsigned i = 0; i < 5; i++) sched_yield();
    const struct sched_param usual = {0};
    DEMAND(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &usual) == 0 || errno == EPERM);
}

static void places_round(struct chance* from) {
    volatile uint64_t* const counter = share(4096);
    const pid_t busy = fork_child();
    if (busy == 0) {
        for (;;) { /* nearly always running, but one of SCHED_IDLE shall have its moments, too */
            if (++*counter % (1 << 16) == 0) nanosleep(&(struct timespec){0, 50000}, NULL);
        }
    }
    const pid_t child = fork_child();
    if (child == 0) {
        const int nice_value = (int)below(from, 20);
        DEMAND(setpriority(PRIO_PROCESS, 0, nice_value) == 0);
        move_about(from);
        for (unsigned i = below(from, 6); i > 0; i--) change_policy(from);
        DEMAND_EQUAL(getpriority(PRIO_PROCESS, 0), nice_value);
        _exit(0);
    }
    push_about(from, busy);
    expect_exit(child, 0);
    const uint64_t seen = *counter;
    while (*counter == seen) nanosleep(&(struct timespec){0, 50000}, NULL); /* it still runs */
    DEMAND(kill(busy, SIGKILL) == 0);
    int status = 0;
    DEMAND_EQUAL(waitpid(busy, &status, 0), busy);
    DEMAND_EQUAL(status, SIGKILL);
    munmap((void*)counter, 4096);
}

const struct kind kPlaces = {"places", places_round,
                             "sched_setaffinity, nice and policies, from within and without"};
