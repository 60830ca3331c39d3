/* actors: plays a scene for the scheduler, as the first process, and prints what the kernel
 * recorded.
 *
 *     rdinit=/sbin/actors -- MS [free=MS] NAME:key=value,... NAME:...
 *
 *     nice=N fifo=PRIORITY cpus=MASK      how and where it runs
 *     run=MS sleep=MS                     by turns; without sleep it spins for ever
 *     start=MS until=MS                   when it begins, and how long it runs in sum
 *     fork                                after its first run=MS it makes a child, and both go on
 *
 * All actors wait for the same event. From then on, for MS milliseconds, the sched events are
 * recorded. free=MS: so much later every actor may run on every processor.
 *
 * Nothing comes from outside: on an emulator that counts instructions each run is like the last. */
#define _GNU_SOURCE
#include "actors.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char* const kEvents[] = {"sched_switch", "sched_wakeup", "sched_wakeup_new",
                                      "sched_migrate_task", "sched_stat_runtime"};

_Noreturn void fail(const char* what) {
    perror(what);
    fflush(NULL);
    reboot(RB_POWER_OFF);
    _exit(1);
}

static void sleep_ms(int ms) {
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static void start(struct actor* actor, const int gate[2]) {
    actor->pid = fork();
    if (actor->pid < 0) fail("fork");
    if (actor->pid != 0) return;
    act(actor, gate[0]);
}

/* The director is more urgent than any actor, and asleep but for three moments. */
static void become_director(void) {
    prctl(PR_SET_NAME, "director");
    if (become_fifo(99) < 0) fail("become_fifo");
}

/* All fair actors begin with the same virtual time: who comes into the class asleep gets the
 * queue's. */
static void level(const struct actor* actors, int count) {
    const struct sched_param urgent = {.sched_priority = 1}, fair = {0};
    for (int i = 0; i < count; i++) {
        if (actors[i].fifo) continue;
        syscall(SYS_sched_setscheduler, actors[i].pid, SCHED_FIFO, &urgent);
        syscall(SYS_sched_setscheduler, actors[i].pid, SCHED_OTHER, &fair);
    }
}

/* What the kernel still had to do for all this is done meanwhile. And the scene begins at the same
 * place between two ticks, and between two looks of each processor at the others, however long the
 * boot took: else every change of the kernel would make another picture. */
static void await_phase(void) {
    const long long period = 128000000, phase = 2215000, least = 40000000;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long from = now.tv_sec * 1000000000LL + now.tv_nsec + least;
    const long long at = (from / period + 1) * period + phase;
    const struct timespec when = {at / 1000000000, at % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void set_free(const struct actor* actors, int count) {
    const unsigned long all = ~0UL;
    for (int i = 0; i < count; i++) sched_setaffinity(actors[i].pid, sizeof all, (const void*)&all);
}

int main(int argc, char** argv) {
    struct actor actors[kMaxActors];
    int count = 0, free_at = 0, gate[2];
    if (argc < 3) fail("usage");
    const int length = atoi(argv[1]);
    if (mount("tracefs", "/sys", "tracefs", 0, NULL) < 0) fail("tracefs");
    for (int i = 2; i < argc && count < kMaxActors; i++) {
        if (sscanf(argv[i], "free=%d", &free_at) != 1) actors[count++] = parse_actor(argv[i]);
    }
    become_director();
    if (pipe2(gate, O_CLOEXEC) < 0) fail("pipe2");
    for (int i = 0; i < count; i++) start(&actors[i], gate);
    sleep_ms(20); /* they have come to the gate */

    for (unsigned i = 0; i < sizeof kEvents / sizeof kEvents[0]; i++) {
        set_trace("set_event", kEvents[i]);
    }
    level(actors, count);
    await_phase();
    if (write(gate[1], actors, count) != count) fail("gate");
    if (free_at > 0) {
        sleep_ms(free_at);
        set_free(actors, count);
    }
    sleep_ms(length - free_at);
    set_trace("tracing_on", "0");
    for (int i = 0; i < count; i++) kill(actors[i].pid, SIGKILL);

    print_trace();
    reboot(RB_POWER_OFF);
    return 1;
}
