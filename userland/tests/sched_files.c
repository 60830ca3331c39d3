/* /proc/sys/kernel/sched_*, /proc/schedstat: what they say, take and refuse. */
#include "tests/check.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

static char text[65536];

static const char* read_text(const char* path) {
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[got < 0 ? 0 : got] = 0;
    return text;
}
static long read_number(const char* path) { return strtol(read_text(path), NULL, 10); }
static long write_text(const char* path, const char* what) {
    int fd = open(path, O_WRONLY);
    NEED(fd >= 0);
    long wrote = write(fd, what, strlen(what)), error = errno;
    close(fd);
    errno = (int)error;
    return wrote < 0 ? -1 : 0;
}

#define KERNEL "/proc/sys/kernel/"

/* Linux keeps the bandwidth files even where they may not be written. */
static void bandwidth(void) {
    CHECK_EQ(read_number(KERNEL "sched_rt_period_us"), 1000000);
    CHECK_EQ(read_number(KERNEL "sched_rt_runtime_us"), 950000);
    CHECK_ERRNO(write_text(KERNEL "sched_rt_period_us", "0"), EINVAL);
    CHECK_ERRNO(write_text(KERNEL "sched_rt_runtime_us", "1000001"), EINVAL);
    CHECK_ERRNO(write_text(KERNEL "sched_rt_runtime_us", "-2"), EINVAL);
    CHECK_ERRNO(write_text(KERNEL "sched_rt_runtime_us", "many"), EINVAL);
    CHECK_EQ(write_text(KERNEL "sched_rt_runtime_us", "-1"), 0);
    CHECK_EQ(read_number(KERNEL "sched_rt_runtime_us"), -1);
    CHECK_EQ(write_text(KERNEL "sched_rt_runtime_us", "950000"), 0);
    CHECK_EQ(read_number(KERNEL "sched_rt_runtime_us"), 950000);
}

static void round_robin_slice(void) {
    const long before = read_number(KERNEL "sched_rr_timeslice_ms");
    CHECK_EQ(before, 100);
    CHECK_EQ(write_text(KERNEL "sched_rr_timeslice_ms", "40"), 0);
    const struct sched_param param = {.sched_priority = 1};
    CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param), 0);
    struct timespec slice;
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK_EQ(slice.tv_nsec, 40000000);
    CHECK_EQ(write_text(KERNEL "sched_rr_timeslice_ms", "0"), 0); /* the default */
    CHECK_EQ(read_number(KERNEL "sched_rr_timeslice_ms"), before);
}

/* Each processor has a line of nine numbers; a child's life makes the sums grow. */
static void count(long* switches, long* picks) {
    read_text("/proc/schedstat");
    CHECK(strncmp(text, "version 15\ntimestamp ", 21) == 0);
    *switches = *picks = 0;
    for (char* line = strstr(text, "\ncpu"); line; line = strstr(line + 1, "\ncpu")) {
        long n[9];
        CHECK_EQ(sscanf(line, "\ncpu%*u %ld %ld %ld %ld %ld %ld %ld %ld %ld", n, n + 1, n + 2,
                        n + 3, n + 4, n + 5, n + 6, n + 7, n + 8),
                 9);
        *switches += n[2];
        *picks += n[8];
    }
}
static void schedstat(void) {
    if (access("/proc/schedstat", R_OK) != 0) _exit(SKIPPED);
    long switches, picks, switches_later, picks_later;
    count(&switches, &picks);
    for (int i = 0; i < 20; i++) usleep(1000);
    count(&switches_later, &picks_later);
    CHECK(switches_later >= switches + 20);
    CHECK(picks_later >= picks + 20);
}

/* What a task has run, has waited, and how often it got a processor. */
static void read_own(long n[3]) {
    read_text("/proc/self/schedstat");
    CHECK_EQ(sscanf(text, "%ld %ld %ld", n, n + 1, n + 2), 3);
}
static void schedstat_of_a_task(void) {
    if (access("/proc/self/schedstat", R_OK) != 0) _exit(SKIPPED);
    long before[3], after[3];
    read_own(before);
    read_own(after);
    for (int i = 0; i < 10000 && after[2] < before[2] + 10; i++) {
        usleep(1000); /* on a busy machine over before it has begun, now and then */
        read_own(after);
    }
    for (volatile int i = 0; i < 3000000; i++) continue;
    read_own(after);
    CHECK(after[0] > before[0]);
    CHECK(after[1] >= before[1]);
    CHECK(after[2] >= before[2] + 10);
}

static long field(const char* name) {
    const char* line = strstr(text, name);
    const char* colon = line ? strchr(line, ':') : NULL;
    CHECK(colon != NULL);
    return colon ? strtol(colon + 1, NULL, 10) : -1;
}
static void sched_of_a_task(void) {
    if (access("/proc/self/sched", R_OK) != 0) _exit(SKIPPED);
    const struct sched_param param = {.sched_priority = 5};
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    read_text("/proc/self/sched");
    CHECK(strstr(text, "#threads: 1)\n---") != NULL);
    CHECK_EQ(field("\nprio "), 125);
    CHECK_EQ(field("\npolicy "), SCHED_OTHER);
    CHECK_EQ(field("\nse.load.weight "), 335 * 1024);
    CHECK_EQ(field("\nnr_switches "),
             field("\nnr_voluntary_switches ") + field("\nnr_involuntary_switches "));
    CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), 0);
    read_text("/proc/self/sched");
    CHECK_EQ(field("\nprio "), 94);
    CHECK_EQ(field("\npolicy "), SCHED_FIFO);
}

/* Fields 18, 40 and 41 of stat: priority as top shows it, and the policy. */
static void stat_tells_the_policy(void) {
    const struct sched_param param = {.sched_priority = 5};
    long priority, nice, rt_priority, policy;
    CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param), 0);
    const char* at = strrchr(read_text("/proc/self/stat"), ')');
    NEED(at != NULL);
    CHECK_EQ(
        sscanf(at + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %ld %ld %*d %*d %*u"
               " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %ld %ld",
               &priority, &nice, &rt_priority, &policy),
        4);
    CHECK_EQ(priority, -6);
    CHECK_EQ(nice, getpriority(PRIO_PROCESS, 0));
    CHECK_EQ(rt_priority, 5);
    CHECK_EQ(policy, SCHED_RR);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(bandwidth), CASE(round_robin_slice), CASE(schedstat),
                                          CASE(schedstat_of_a_task), CASE(sched_of_a_task),
                                          CASE(stat_tells_the_policy), END});
}
