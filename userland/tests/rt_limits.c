/* Real-time and deadline tasks that run for longer than they said: RLIMIT_RTTIME, and
 * SCHED_FLAG_DL_OVERRUN. Both cost SIGXCPU. */
#include "tests/check.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

enum { kDeadline = 6, kOverrun = 4 };
struct attr { /* the kernel's struct sched_attr */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static volatile int warnings;
static void count_warning(int number) { warnings += number == SIGXCPU; }
static void catch_warnings(void) {
    struct sigaction action = {.sa_handler = count_warning};
    NEED(sigaction(SIGXCPU, &action, NULL) == 0);
}

static long cpu_ms(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}
static long clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static void use_cpu(long ms) {
    const long end = cpu_ms() + ms;
    while (cpu_ms() < end) continue;
}

static void be_realtime(int policy) {
    struct sched_param param = {.sched_priority = 5};
    if (syscall(SYS_sched_setscheduler, 0, policy, &param) != 0) {
        skip_case("may not set real-time priorities");
    }
}
static void limit_rt_time(rlim_t soft_us, rlim_t hard_us) {
    struct rlimit limit = {soft_us, hard_us};
    NEED(setrlimit(RLIMIT_RTTIME, &limit) == 0);
}

static void rt_time_warns(void) {
    struct rlimit limit;
    catch_warnings();
    be_realtime(SCHED_FIFO);
    limit_rt_time(60000, RLIM_INFINITY);
    const long before =
        clock_ms(); /* ticks are counted, also those that a hypervisor stole in part */
    while (warnings == 0) continue;
    CHECK(clock_ms() - before >= 50);
    NEED(getrlimit(RLIMIT_RTTIME, &limit) == 0);
    CHECK_EQ(limit.rlim_cur, 1060000); /* the next comes a second later */
    sched_yield();
    CHECK_EQ(warnings, 1);
}

static void spin_until_killed(void) {
    catch_warnings();
    be_realtime(SCHED_RR);
    limit_rt_time(30000, 90000);
    for (;;) continue;
}
static void rt_time_kills(void) {
    struct sched_param param = {.sched_priority = 5};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) != 0) {
        skip_case("may not set real-time priorities");
    }
    CHECK_KILLED(in_child(spin_until_killed), SIGKILL);
}

static void sleep_ends_rt_time(void) {
    catch_warnings();
    be_realtime(SCHED_FIFO);
    limit_rt_time(300000, RLIM_INFINITY);
    for (int i = 0; i < 12; i++) {
        use_cpu(40);
        usleep(1000);
    }
    CHECK_EQ(warnings, 0);
}

static void fair_tasks_have_no_rt_time(void) {
    catch_warnings();
    limit_rt_time(1000, 500000);
    use_cpu(60);
    CHECK_EQ(warnings, 0);
}

static void be_deadline(uint64_t flags) {
    struct attr attr = {.size = 48,
                        .policy = kDeadline,
                        .flags = flags,
                        .runtime = 2000000,
                        .deadline = 20000000,
                        .period = 20000000};
    if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) {
        CHECK_EQ(errno, EPERM);
        skip_case("may not be a deadline task");
    }
    NEED(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) == 0);
    CHECK_EQ(attr.flags, flags);
    CHECK_EQ(attr.policy, kDeadline);
}
static void overrun_warns(void) {
    catch_warnings();
    be_deadline(kOverrun);
    while (warnings < 3) continue;
}
static void overrun_ends_the_careless(void) {
    be_deadline(kOverrun);
    for (;;) continue;
}
static void overrun_kills_by_default(void) {
    const int status = in_child(overrun_ends_the_careless);
    const int skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    if (skipped) skip_case("may not be a deadline task");
    CHECK_KILLED(status, SIGXCPU);
}
static void overrun_is_only_for_who_asks(void) {
    catch_warnings();
    be_deadline(0);
    use_cpu(12);
    sched_yield();
    CHECK_EQ(warnings, 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(rt_time_warns), CASE(rt_time_kills), CASE(sleep_ends_rt_time),
        CASE(fair_tasks_have_no_rt_time), CASE(overrun_warns), CASE(overrun_kills_by_default),
        CASE(overrun_is_only_for_who_asks), END});
}
