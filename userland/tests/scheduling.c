/* Policies: what sched_setscheduler(2), sched_setattr(2) and their like accept, remember, refuse
 * and hand down to children; and that a real-time task runs before a fair one. */
#include "tests/check.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

struct attr { /* the kernel's struct sched_attr, with room for a version that nobody knows */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
    uint64_t unknown;
};
enum { kDeadline = 6, kSize0 = 48, kSize1 = 56 };
enum { kResetOnFork = 1, kKeepPolicy = 8, kKeepParams = 16 };

/* System calls proper: musl refuses to make some of these. */
static long set_scheduler(pid_t pid, int policy, int priority) {
    struct sched_param param = {.sched_priority = priority};
    return syscall(SYS_sched_setscheduler, pid, policy, &param);
}
static long get_scheduler(pid_t pid) { return syscall(SYS_sched_getscheduler, pid); }
static long set_param(pid_t pid, int priority) {
    struct sched_param param = {.sched_priority = priority};
    return syscall(SYS_sched_setparam, pid, &param);
}
static int get_param(pid_t pid) {
    struct sched_param param = {.sched_priority = -1};
    return syscall(SYS_sched_getparam, pid, &param) == 0 ? param.sched_priority : -1;
}
static long set_attr(struct attr attr) {
    if (attr.size == 0) attr.size = kSize0;
    return syscall(SYS_sched_setattr, 0, &attr, 0);
}
static struct attr get_attr(unsigned size) {
    struct attr attr;
    memset(&attr, 0xee, sizeof attr);
    CHECK_EQ(syscall(SYS_sched_getattr, 0, &attr, size, 0), 0);
    return attr;
}
static struct attr deadline(uint64_t runtime_us, uint64_t deadline_us, uint64_t period_us) {
    return (struct attr){.policy = kDeadline,
                         .runtime = runtime_us * 1000,
                         .deadline = deadline_us * 1000,
                         .period = period_us * 1000};
}

static void stay_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    NEED(sched_setaffinity(0, sizeof set, &set) == 0);
}

/* In a child that is nobody. */
static void as_nobody(void (*act)(void)) {
    fflush(stdout);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        NEED(setgid(65534) == 0 && setuid(65534) == 0);
        failed_checks = 0;
        act();
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
}

static pid_t dead_pid(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) _exit(0);
    CHECK_EXITED(status_of(pid), 0);
    return pid;
}

static void policies_are_kept(void) {
    CHECK_EQ(get_scheduler(0), SCHED_OTHER);
    CHECK_EQ(get_param(0), 0);
    static const struct {
        int policy, priority;
    } kept[] = {{SCHED_FIFO, 1},  {SCHED_FIFO, 99}, {SCHED_RR, 50},
                {SCHED_BATCH, 0}, {SCHED_IDLE, 0},  {SCHED_OTHER, 0}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        CHECK_EQ(set_scheduler(0, kept[i].policy, kept[i].priority), 0);
        CHECK_EQ(get_scheduler(getpid()), kept[i].policy);
        CHECK_EQ(get_param(0), kept[i].priority);
        CHECK_EQ(get_attr(kSize0).policy, kept[i].policy);
        CHECK_EQ(get_attr(kSize0).priority, kept[i].priority);
    }
    CHECK_EQ(set_scheduler(0, SCHED_RR, 7), 0);
    CHECK_EQ(set_param(0, 8), 0);
    CHECK_EQ(get_param(0), 8);
    CHECK_EQ(get_scheduler(0), SCHED_RR);
}

static void nonsense_is_refused(void) {
    CHECK_ERRNO(set_scheduler(0, SCHED_FIFO, 0), EINVAL);
    CHECK_ERRNO(set_scheduler(0, SCHED_FIFO, 100), EINVAL);
    CHECK_ERRNO(set_scheduler(0, SCHED_RR, -1), EINVAL);
    CHECK_ERRNO(set_scheduler(0, SCHED_OTHER, 1), EINVAL);
    CHECK_ERRNO(set_scheduler(0, 4, 0), EINVAL);
    CHECK_ERRNO(set_scheduler(0, 77, 0), EINVAL);
    CHECK_ERRNO(set_scheduler(0, -1, 0), EINVAL);
    CHECK_ERRNO(set_scheduler(0, kDeadline, 0), EINVAL);
    CHECK_ERRNO(set_scheduler(-1, SCHED_OTHER, 0), EINVAL);
    CHECK_ERRNO(set_param(0, 1), EINVAL);
    CHECK_ERRNO(get_scheduler(-1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_setparam, 0, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getparam, 0, 8), EFAULT);
    const pid_t gone = dead_pid();
    CHECK_ERRNO(set_scheduler(gone, SCHED_OTHER, 0), ESRCH);
    CHECK_ERRNO(get_scheduler(gone), ESRCH);
    CHECK_EQ(get_param(gone), -1);
    CHECK_EQ(get_scheduler(0), SCHED_OTHER);
}

static void ranges_and_intervals(void) {
    CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
    CHECK_EQ(syscall(SYS_sched_get_priority_min, SCHED_RR), 1);
    CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_BATCH), 0);
    CHECK_EQ(syscall(SYS_sched_get_priority_min, kDeadline), 0);
    CHECK_ERRNO(syscall(SYS_sched_get_priority_max, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_get_priority_min, -1), EINVAL);
    struct timespec slice;
    CHECK_EQ(set_scheduler(0, SCHED_RR, 1), 0);
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec >= 90000000 && slice.tv_nsec <= 110000000);
    CHECK_EQ(set_scheduler(0, SCHED_FIFO, 1), 0);
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec == 0);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, 0, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, -1, &slice), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, dead_pid(), &slice), ESRCH);
}

static void nobody_may_little(void) {
    CHECK_ERRNO(set_scheduler(0, SCHED_FIFO, 1), EPERM);
    CHECK_ERRNO(set_scheduler(getppid(), SCHED_BATCH, 0), EPERM);
    CHECK_ERRNO(set_attr(deadline(10000, 30000, 30000)), EPERM);
    CHECK_ERRNO(set_attr((struct attr){.nice = -1}), EPERM);
    CHECK_EQ(set_attr((struct attr){.nice = 3}), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 3);
    CHECK_EQ(set_scheduler(0, SCHED_BATCH, 0), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 3);
    CHECK_EQ(set_scheduler(0, SCHED_IDLE, 0), 0);
    CHECK_ERRNO(set_scheduler(0, SCHED_OTHER, 0), EPERM); /* RLIMIT_NICE is 0 */
    CHECK_EQ(set_scheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, 0), 0);
    CHECK_ERRNO(set_scheduler(0, SCHED_IDLE, 0), EPERM);
    CHECK_EQ(get_scheduler(0), SCHED_IDLE | SCHED_RESET_ON_FORK);
}
static void nobody_with_limits(void) {
    CHECK_EQ(set_scheduler(0, SCHED_FIFO, 10), 0);
    CHECK_ERRNO(set_param(0, 11), EPERM);
    CHECK_EQ(set_param(0, 5), 0);
    CHECK_EQ(set_scheduler(0, SCHED_IDLE, 0), 0);
    CHECK_EQ(set_scheduler(0, SCHED_OTHER, 0), 0);
    CHECK_EQ(set_attr((struct attr){.nice = -5}), 0);
    CHECK_ERRNO(set_attr((struct attr){.nice = -6}), EPERM);
    CHECK_ERRNO(set_scheduler(0, SCHED_RR, 11), EPERM);
}
static void rights(void) {
    const struct rlimit none = {0, 0};
    CHECK_EQ(setrlimit(RLIMIT_RTPRIO, &none), 0);
    CHECK_EQ(setrlimit(RLIMIT_NICE, &none), 0);
    as_nobody(nobody_may_little);
}
static void limits(void) {
    const struct rlimit ten = {10, 10}, nice = {25, 25};
    /* In a container there may be no CAP_SYS_RESOURCE. */
    if (setrlimit(RLIMIT_RTPRIO, &ten) != 0) _exit(SKIPPED);
    CHECK_EQ(setrlimit(RLIMIT_NICE, &nice), 0);
    as_nobody(nobody_with_limits);
}

/* What a child starts with: its policy, and its nice value. */
static int childs_policy(int* nice) {
    pid_t pid = fork_or_die();
    if (pid == 0) _exit((int)(get_scheduler(0) & 15) << 4 | (getpriority(PRIO_PROCESS, 0) & 15));
    int status = status_of(pid);
    CHECK(WIFEXITED(status));
    *nice = WEXITSTATUS(status) & 15;
    return WEXITSTATUS(status) >> 4;
}
static void children_inherit_or_not(void) {
    int nice;
    CHECK_EQ(set_scheduler(0, SCHED_RR, 3), 0);
    CHECK_EQ(childs_policy(&nice), SCHED_RR);
    CHECK_EQ(set_scheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, 3), 0);
    CHECK_EQ(childs_policy(&nice), SCHED_OTHER);
    CHECK_EQ(nice, 0);
    CHECK_EQ(get_scheduler(0), SCHED_RR | SCHED_RESET_ON_FORK);
    CHECK_EQ(set_scheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, -4), 0);
    CHECK_EQ(childs_policy(&nice), SCHED_OTHER);
    CHECK_EQ(nice, 0);
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_BATCH, .nice = 5}), 0);
    CHECK_EQ(childs_policy(&nice), SCHED_BATCH);
    CHECK_EQ(nice, 5);
}

static void attributes(void) {
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_OTHER, .nice = 7, .flags = kResetOnFork}), 0);
    struct attr got = get_attr(kSize0);
    CHECK(got.size == kSize0 && got.nice == 7 && got.flags == kResetOnFork &&
          got.util_min == 0xeeeeeeee);
    CHECK(get_attr(sizeof got).size >= kSize1);
    CHECK_EQ(set_attr((struct attr){.flags = kKeepPolicy, .nice = 9}), 0);
    CHECK(get_attr(kSize0).nice == 9 && get_attr(kSize0).flags == kResetOnFork);
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_BATCH, .flags = kKeepParams}), 0);
    CHECK(get_attr(kSize0).nice == 9 && get_attr(kSize0).policy == SCHED_OTHER);
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_OTHER, .nice = 99}), 0);
    CHECK_EQ(get_attr(kSize0).nice, 19);
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_FIFO, .nice = -5, .priority = 4}), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    CHECK_EQ(get_attr(kSize0).nice, 0);
}

static void attributes_grow(void) {
    struct attr attr = {.size = 47};
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
    CHECK(attr.size >= kSize1 && attr.size < 4096);
    attr = (struct attr){.size = 5000};
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
    attr = (struct attr){.size = sizeof attr};
    CHECK_EQ(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
    attr.unknown = 1;
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
    attr = (struct attr){.size = 0, .policy = SCHED_BATCH};
    CHECK_EQ(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
    attr.flags = 0x80;
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    attr = (struct attr){.policy = 0x80000000u};
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &attr, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &attr, 47, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &attr, 4097, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &attr, kSize0, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, 8, kSize0, 0), EFAULT);
}

static void deadline_tasks(void) {
    CHECK_ERRNO(set_attr(deadline(0, 30000, 30000)), EINVAL);
    CHECK_ERRNO(set_attr(deadline(30001, 30000, 30000)), EINVAL);
    CHECK_ERRNO(set_attr(deadline(10000, 30000, 20000)), EINVAL);
    CHECK_ERRNO(set_attr(deadline(10, 50, 50)), EINVAL);
    CHECK_ERRNO(set_attr(deadline(10000, 9000000, 9000000)), EINVAL);
    CHECK_EQ(set_attr(deadline(10000, 20000, 30000)), 0);
    struct attr got = get_attr(kSize0);
    CHECK(got.policy == kDeadline && got.runtime == 10000000 && got.deadline == 20000000);
    CHECK(got.period == 30000000 && got.priority == 0);
    CHECK_EQ(get_scheduler(0), kDeadline);
    CHECK_EQ(fork(), -1);
    CHECK_EQ(errno, EAGAIN);
    cpu_set_t all, one;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (CPU_COUNT(&all) > 1) CHECK_ERRNO(sched_setaffinity(0, sizeof one, &one), EBUSY);
    CHECK_EQ(set_attr((struct attr){.policy = SCHED_OTHER}), 0);
    if (CPU_COUNT(&all) > 1) {
        CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
        CHECK_ERRNO(set_attr(deadline(10000, 20000, 30000)), EPERM);
        CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
    }
    struct attr reset = deadline(10000, 30000, 0); /* its period is its deadline */
    reset.flags = kResetOnFork;
    CHECK_EQ(set_attr(reset), 0);
    int nice;
    CHECK_EQ(childs_policy(&nice), SCHED_OTHER);
}

/* On one processor, a more urgent task runs before the write that wakes it returns. */
static void realtime_runs_at_once(void) {
    int p[2];
    NEED(pipe(p) == 0);
    volatile int* ran = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(ran != MAP_FAILED);
    stay_on(0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char word;
        close(p[1]);
        if (set_scheduler(0, SCHED_FIFO, 20) != 0) _exit(1);
        *ran = 1;
        while (read(p[0], &word, 1) == 1) ++*ran;
        _exit(0);
    }
    close(p[0]);
    while (*ran == 0) usleep(1000);
    usleep(50000); /* it is in read() */
    for (int i = 1; i <= 100; i++) {
        NEED(write(p[1], "x", 1) == 1);
        if (*ran != i + 1) {
            CHECK_EQ(*ran, i + 1);
            break;
        }
    }
    close(p[1]);
    CHECK_EXITED(status_of(pid), 0);
}

/* Two equals pass the processor on by yielding, and only so. */
static void equals_yield(void) {
    volatile int* turn =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(turn != MAP_FAILED);
    stay_on(0);
    CHECK_EQ(set_scheduler(0, SCHED_FIFO, 20), 0);
    pid_t pid = fork_or_die();
    for (int i = 0; i < 50; i++) {
        const int mine = pid == 0;
        while (*turn != mine) sched_yield();
        *turn = !mine;
    }
    if (pid == 0) _exit(0);
    CHECK_EXITED(status_of(pid), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(policies_are_kept), CASE(nonsense_is_refused),
                                          CASE(ranges_and_intervals), CASE(rights), CASE(limits),
                                          CASE(children_inherit_or_not), CASE(attributes),
                                          CASE(attributes_grow), CASE(deadline_tasks),
                                          CASE(realtime_runs_at_once), CASE(equals_yield), END});
}
