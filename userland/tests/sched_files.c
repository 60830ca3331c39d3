/* /proc/sys/kernel/sched_*, /proc/schedstat: what they say, take and refuse. */
#include "tests/check.h"

#include <sched.h>
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

int main(void) {
    return run_cases(
        (struct test_case[]){CASE(bandwidth), CASE(round_robin_slice), CASE(schedstat), END});
}
