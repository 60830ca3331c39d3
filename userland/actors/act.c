/* What actors do. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "actors.h"

static void set(struct actor* actor, const char* key, const char* value) {
    const struct {
        const char* key;
        int* at;
    } numbers[] = {{"nice", &actor->nice},      {"fifo", &actor->fifo},
                   {"run", &actor->run_ms},     {"sleep", &actor->sleep_ms},
                   {"start", &actor->start_ms}, {"until", &actor->until_ms}};
    if (strcmp(key, "fork") == 0) {
        actor->forks = true;
        return;
    }
    if (strcmp(key, "cpus") == 0 && value) {
        actor->cpus = strtoul(value, NULL, 0);
        return;
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(key, numbers[i].key) == 0 && value) {
            *numbers[i].at = atoi(value);
            return;
        }
    }
    fail(key);
}

struct actor parse_actor(char* text) {
    struct actor actor = {.name = text};
    char* next = strchr(text, ':');
    if (next) *next++ = 0;
    while (next && *next) {
        char* const key = next;
        next = strchr(key, ',');
        if (next) *next++ = 0;
        char* const value = strchr(key, '=');
        if (value) *value = 0;
        set(&actor, key, value ? value + 1 : NULL);
    }
    return actor;
}

/* 2000 instructions. QEMU runs all processors in one thread when it counts instructions, and goes
 * from one to the next at a PAUSE; else each would run for 100 ms while the others stand still. */
static void spin(void) {
    unsigned long rounds = 1000;
    asm volatile("1: dec %0; jnz 1b; pause" : "+r"(rounds) : : "cc");
}

/* Runs for so long, not counting preemptions: an instruction is a nanosecond of the emulator's
 * clock if no other processor is busy. To look at the clock would be a system call that shows in
 * the trace. */
static void run_ms(int ms) {
    for (int i = 0; i < ms * 500; i++) spin();
}

static void sleep_ms(int ms) {
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

int become_fifo(int priority) {
    const struct sched_param param = {.sched_priority = priority};
    return (int)syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

static void dress(const struct actor* actor) {
    prctl(PR_SET_NAME, actor->name);
    const void* const cpus = &actor->cpus;
    if (actor->cpus && sched_setaffinity(0, sizeof actor->cpus, cpus) < 0) fail("cpus");
    if (actor->nice && setpriority(PRIO_PROCESS, 0, actor->nice) < 0) fail("nice");
    if (actor->fifo && become_fifo(actor->fifo) < 0) fail("fifo");
}

static void fork_one(const struct actor* actor) {
    char name[16] = {0};
    if (fork() != 0) return;
    strncpy(name, actor->name, sizeof name - 2);
    name[strlen(name)] = '\'';
    prctl(PR_SET_NAME, name);
}

_Noreturn void act(const struct actor* actor, int gate) {
    char go;
    dress(actor);
    if (read(gate, &go, 1) != 1) fail("gate");
    if (actor->start_ms) sleep_ms(actor->start_ms);
    if (actor->run_ms == 0 && actor->until_ms) {
        run_ms(actor->until_ms);
        _exit(0);
    }
    if (actor->forks) {
        run_ms(actor->run_ms);
        fork_one(actor);
    }
    while (actor->sleep_ms) {
        run_ms(actor->run_ms);
        sleep_ms(actor->sleep_ms);
    }
    for (;;) spin();
}
