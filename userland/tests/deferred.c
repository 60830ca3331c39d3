/* Deferred work as programs see it: /proc/softirqs, the kernel's threads, and that programs go on
 * while softirqs, tasklets or works repeat themselves without end. */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "check.h"

static char text[65536];

/* The whole file, as a string. */
static const char* contents(const char* path) {
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    size_t used = 0;
    for (ssize_t got; (got = read(fd, text + used, sizeof text - 1 - used)) > 0;) used += got;
    close(fd);
    text[used] = 0;
    return text;
}

/* The pid of the thread with this name; 0: there is none to be seen. */
static int find_thread(const char* name) {
    char path[64], comm[64];
    DIR* proc = opendir("/proc");
    NEED(proc != NULL);
    int found = 0;
    for (struct dirent* entry; !found && (entry = readdir(proc)) != NULL;) {
        int pid = atoi(entry->d_name);
        if (pid <= 0) continue;
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        int fd = open(path, O_RDONLY);
        if (fd < 0) continue;
        ssize_t length = read(fd, comm, sizeof comm - 1);
        close(fd);
        if (length <= 0) continue;
        comm[length] = 0;
        if (strncmp(comm, name, strlen(name)) == 0) found = pid;
    }
    closedir(proc);
    return found;
}

/* A field of /proc/<pid>/stat after the name; 3 is the state. */
static long stat_field(int pid, int number) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const char* at = strrchr(contents(path), ')') + 2;
    for (int field = 3; field < number; field++) at = strchr(at, ' ') + 1;
    return atol(at);
}

static void need_kernel_threads(void) {
    if (find_thread("kthreadd") != 2) skip_case("no kernel threads in this pid namespace");
}

static const char* const kNames[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                     "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};

static void softirqs_file(void) {
    const char* at = contents("/proc/softirqs");
    CHECK(strncmp(at, "                    CPU0", 24) == 0);
    for (int i = 0; i < 10; i++) {
        char row[32];
        snprintf(row, sizeof row, "\n%12s: ", kNames[i]);
        at = strstr(at, row);
        NEED(at != NULL); /* in this order */
        at++;
    }
}

/* The line "softirq" of /proc/stat: the sum, then one number for each. */
static void softirq_totals(void) {
    unsigned long long total = 0, sum = 1;
    for (int tries = 0; tries < 20 && sum != total;
         tries++) { /* other processors count on meanwhile */
        const char* at = strstr(contents("/proc/stat"), "\nsoftirq ");
        NEED(at != NULL);
        char* end = (char*)at + strlen("\nsoftirq ");
        total = strtoull(end, &end, 10), sum = 0;
        for (int i = 0; i < 10; i++) sum += strtoull(end, &end, 10);
        CHECK_EQ(*end, '\n');
    }
    CHECK_EQ(sum, total);
}

static void ksoftirqd_threads(void) {
    need_kernel_threads();
    char name[32];
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
        snprintf(name, sizeof name, "ksoftirqd/%ld\n", cpu);
        int pid = find_thread(name);
        NEED(pid != 0);
        CHECK_EQ(stat_field(pid, 4), 2); /* its parent is kthreadd */
        CHECK_EQ(stat_field(pid, 39), cpu);
        cpu_set_t all;
        memset(&all, 0xff, sizeof all);
        CHECK_ERRNO(sched_setaffinity(pid, sizeof all, &all), EINVAL); /* it stays where it is */
    }
}

static void workers(void) {
    need_kernel_threads();
    char name[32];
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
        snprintf(name, sizeof name, "kworker/%ld:", cpu);
        int pid = find_thread(name);
        NEED(pid != 0);
        CHECK_EQ(stat_field(pid, 4), 2);
        CHECK_EQ(stat_field(pid, 9) & 0x4200020,
                 0x4200020); /* KTHREAD, WQ_WORKER, NO_SETAFFINITY */
    }
    CHECK(find_thread("kworker/u") != 0);
}

/* --- storms: Vitrine's own probe makes them (src/init/probes/storm.cc) ---------------------------
 */

/* Every work queue is listed, and every pool. */
static void workqueues_file(void) {
    mkdir("debug", 0700);
    if (mount("none", "debug", "debugfs", 0, NULL) != 0) skip_case("debugfs cannot be mounted");
    const int has_list = access("debug/workqueues", R_OK) == 0;
    const char* list = has_list ? contents("debug/workqueues") : "";
    umount2("debug", MNT_DETACH);
    if (!has_list) skip_case("Linux has no such list");
    CHECK(strstr(list, "events_unbound ") != NULL);
    CHECK(strstr(list, "\npool  cpu nice workers") != NULL);
}

static int probe = -1;

static void open_probe(void) {
    mkdir("debug", 0700);
    if (mount("none", "debug", "debugfs", 0, NULL) != 0) skip_case("debugfs cannot be mounted");
    probe = open("debug/probe/storm", O_RDWR);
    umount2("debug", MNT_DETACH);
    if (probe < 0) skip_case("no probe to make a storm with");
}

static void be_on_cpu_0(void) {
    cpu_set_t zero;
    CPU_ZERO(&zero);
    CPU_SET(0, &zero);
    NEED(sched_setaffinity(0, sizeof zero, &zero) == 0);
}

static long milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Lets a storm rage on this processor for so many ms; 0 ends it. */
static void storm(const char* kind, int ms) {
    char request[32], answer[16];
    int length = snprintf(request, sizeof request, "%s %d", kind, ms);
    NEED(write(probe, request, length) == length);
    NEED(read(probe, answer, sizeof answer) > 0);
}

/* Computes for a while. True if it got a tenth of the processor at least. */
static int goes_on(void) {
    const long begin = milliseconds(CLOCK_MONOTONIC), used = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    while (milliseconds(CLOCK_MONOTONIC) - begin < 500) continue;
    return (milliseconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 10 >=
           milliseconds(CLOCK_MONOTONIC) - begin;
}

/* The program has its share while it wants it; when it sleeps, ksoftirqd has the processor. */
static void check_storm(const char* kind) {
    open_probe();
    be_on_cpu_0();
    int pid = find_thread("ksoftirqd/0");
    NEED(pid != 0);
    CHECK_EQ(stat_field(pid, 19), 19); /* of late, Linux gives it 0 */
    const long before = stat_field(pid, 14) + stat_field(pid, 15);
    storm(kind, 10000);
    CHECK(goes_on());
    long ticks = 0; /* of 10 ms each */
    for (int i = 0; i < 40 && ticks < 10; i++) {
        usleep(50000);
        ticks = stat_field(pid, 14) + stat_field(pid, 15) - before;
    }
    CHECK(ticks >= 10);
    storm(kind, 0);
}

static void softirq_storm(void) { check_storm("softirq"); }
static void tasklet_storm(void) { check_storm("tasklet"); }

/* Which worker does it cannot be foretold: so only the program's share is judged. */
static void work_storm(void) {
    open_probe();
    be_on_cpu_0();
    storm("work", 10000);
    CHECK(goes_on());
    storm("work", 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(softirqs_file), CASE(softirq_totals), CASE(ksoftirqd_threads), CASE(workers),
        CASE(workqueues_file), CASE(softirq_storm), CASE(tasklet_storm), CASE(work_storm), END});
}
