/* int $0x80, continued: calls about processes, signals and sleep, whose structures have words of 32
 * bits. */
#include "tests/int80.h"

#include <sys/resource.h>
#include <time.h>

/* i386's numbers */
enum {
    kExecve = 11,
    kKill = 37,
    kSetrlimit = 75,
    kGetrusage = 77,
    kWait4 = 114,
    kNanosleep = 162,
    kRtSigaction = 174,
    kRtSigprocmask,
    kRtSigpending,
    kSigaltstack = 186,
    kGetrlimit = 191,
    kClockNanosleep = 267,
    kTgkill = 270,
    kWaitid = 284
};

struct time32 {
    int32_t sec, fraction;
};
struct rusage32 {
    struct time32 user, system;
    uint32_t rest[14]; /* ru_maxrss … ru_nivcsw */
};

static uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sleeping(void) {
    struct time32* wanted = (struct time32*)low_page();
    const uint64_t before = monotonic_ns();
    wanted[0] = (struct time32){0, 3000000};
    CHECK_EQ(call(kNanosleep, LOW(wanted), 0, 0, 0, 0), 0);
    CHECK(monotonic_ns() - before >= 3000000);
    wanted[0] = (struct time32){0, 1000000000};
    CHECK_EQ(number_of(call(kNanosleep, LOW(wanted), 0, 0, 0, 0)), -EINVAL);
    wanted[0] = (struct time32){-1, 0};
    CHECK_EQ(number_of(call(kNanosleep, LOW(wanted), 0, 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kNanosleep, 16, 0, 0, 0, 0)), -EFAULT);

    const uint64_t end = monotonic_ns() + 3000000;
    wanted[0] = (struct time32){(int32_t)(end / 1000000000), (int32_t)(end % 1000000000)};
    CHECK_EQ(call(kClockNanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, LOW(wanted), 0, 0), 0);
    CHECK(monotonic_ns() >= end);
    CHECK_EQ(number_of(call(kClockNanosleep, 99, 0, LOW(wanted), 0, 0)), -EINVAL);
}

static void on_alarm(int number) { (void)number; }
static void interrupted_sleep(void) {
    struct time32* times = (struct time32*)low_page();
    struct sigaction action = {.sa_handler = on_alarm};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    const pid_t sleeper = getpid(), waker = fork_or_die();
    if (waker == 0) {
        for (int i = 0; i < 3; i++) {
            usleep(30000);
            kill(sleeper, SIGUSR1);
        }
        _exit(0);
    }
    times[0] = (struct time32){100, 0};
    memset(&times[1], 0xee, 2 * sizeof times[1]);
    CHECK_EQ(number_of(call(kNanosleep, LOW(&times[0]), LOW(&times[1]), 0, 0, 0)), -EINTR);
    CHECK(times[1].sec <= 100 && times[1].sec > 0);
    CHECK(times[1].fraction >= 0 && times[1].fraction < 1000000000);
    CHECK_EQ(times[2].sec, 0xeeeeeeee - (1l << 32)); /* eight bytes, not sixteen */
    times[0] = (struct time32){100, 0};
    times[1] = (struct time32){0, 0};
    CHECK_EQ(number_of(call(kClockNanosleep, CLOCK_REALTIME, 0, LOW(times), LOW(&times[1]), 0)),
             -EINTR);
    CHECK(times[1].sec <= 100 && times[1].sec > 0);
    CHECK_EXITED(status_of(waker), 0);
}

/* A stop is no end: the sleep goes on, and what is left comes back in 32 bits all the same. */
static void stopped_sleep(void) {
    const pid_t child = fork_or_die();
    if (child == 0) {
        struct time32* times = (struct time32*)low_page();
        struct sigaction action = {.sa_handler = on_alarm};
        NEED(sigaction(SIGUSR1, &action, NULL) == 0);
        times[0] = (struct time32){100, 0};
        memset(&times[1], 0xee, 2 * sizeof times[1]);
        CHECK_EQ(number_of(call(kNanosleep, LOW(times), LOW(&times[1]), 0, 0, 0)), -EINTR);
        CHECK(times[1].sec <= 100 && times[1].sec > 0);
        CHECK_EQ(times[2].sec, 0xeeeeeeee - (1l << 32));
        _exit(failed_checks);
    }
    int status;
    usleep(20000);
    NEED(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child);
    CHECK(WIFSTOPPED(status));
    NEED(kill(child, SIGCONT) == 0);
    usleep(20000);
    NEED(kill(child, SIGUSR1) == 0);
    CHECK_EXITED(status_of(child), 0);
}

static pid_t child_that_exits(int code) {
    const pid_t child = fork_or_die();
    if (child == 0) _exit(code);
    return child;
}
static void waiting(void) {
    char* page = low_page();
    int* status = (int*)page;
    struct rusage32* usage = (struct rusage32*)(page + 64);
    memset(page, 0xee, 1024);
    pid_t child = child_that_exits(9);
    CHECK_EQ(call(kWait4, child, LOW(status), 0, LOW(usage), 0), child);
    CHECK_EXITED(*status, 9);
    CHECK(usage->user.sec == 0 && usage->user.fraction < 1000000);
    CHECK(usage->rest[0] < 1u << 20 && usage->rest[4] > 0); /* ru_maxrss, ru_minflt */
    CHECK_EQ(page[64 + sizeof *usage] & 0xff, 0xee);
    CHECK_EQ(number_of(call(kWait4, -1, 0, 0, 0, 0)), -ECHILD);
    CHECK_EQ(number_of(call(kWait4, -1, 0, 0x1000, 0, 0)), -EINVAL);

    /* siginfo: si_signo, si_errno, si_code, and with no gap si_pid, si_uid, si_status */
    memset(page, 0xee, 1024);
    int32_t* info = (int32_t*)page;
    child = child_that_exits(5);
    CHECK_EQ(call(kWaitid, P_PID, child, LOW(info), WEXITED | WNOWAIT, 0), 0);
    CHECK(info[0] == SIGCHLD && info[1] == 0 && info[2] == CLD_EXITED);
    CHECK(info[3] == child && info[4] == (int32_t)getuid() && info[5] == 5);
    CHECK_EQ(call(kWaitid, P_ALL, 0, 0, WEXITED, 0), 0);
    CHECK_EQ(number_of(call(kWaitid, P_ALL, 0, 0, WEXITED, 0)), -ECHILD);
    CHECK_EQ(number_of(call(kWaitid, P_ALL, 0, 0, 0, 0)), -EINVAL);
}

static void killing(void) {
    const pid_t child = fork_or_die();
    if (child == 0) {
        for (;;) pause();
    }
    CHECK_EQ(call(kKill, child, 0, 0, 0, 0), 0);
    CHECK_EQ(call(kTgkill, child, child, SIGTERM, 0, 0), 0);
    CHECK_KILLED(status_of(child), SIGTERM);
    CHECK_EQ(number_of(call(kTgkill, child, child, SIGTERM, 0, 0)), -ESRCH);
    CHECK_EQ(number_of(call(kTgkill, -1, 1, SIGTERM, 0, 0)), -EINVAL);
}

static void signal_masks(void) {
    uint64_t* sets = (uint64_t*)low_page();
    sets[0] = 1ull << (SIGUSR1 - 1) | 1ull << 40 | 1ull << (SIGKILL - 1);
    CHECK_EQ(call(kRtSigprocmask, SIG_BLOCK, LOW(&sets[0]), LOW(&sets[1]), 8, 0), 0);
    CHECK_EQ(sets[1], 0);
    raise(SIGUSR1);
    CHECK_EQ(call(kRtSigpending, LOW(&sets[1]), 8, 0, 0, 0), 0);
    CHECK_EQ(sets[1], 1ull << (SIGUSR1 - 1));
    CHECK_EQ(call(kRtSigprocmask, SIG_BLOCK, 0, LOW(&sets[1]), 8, 0), 0);
    CHECK_EQ(sets[1], 1ull << (SIGUSR1 - 1) | 1ull << 40);
    CHECK_EQ(number_of(call(kRtSigprocmask, SIG_BLOCK, 0, LOW(&sets[1]), 4, 0)), -EINVAL);
}

/* handler, flags, restorer: 32 bits each; and a mask of two words. */
struct action32 {
    uint32_t handler, flags, restorer, mask[2];
};
static void actions(void) {
    struct action32* act = (struct action32*)low_page();
    memset(act, 0xee, 3 * sizeof *act);
    act[0] = (struct action32){.handler = 1, .flags = SA_RESTART, .mask = {0, 1}}; /* SIG_IGN */
    CHECK_EQ(call(kRtSigaction, SIGUSR1, LOW(&act[0]), LOW(&act[1]), 8, 0), 0);
    CHECK(act[1].handler == 0 && act[1].mask[0] == 0 && act[1].mask[1] == 0);
    CHECK_EQ(act[2].handler, 0xeeeeeeee);
    CHECK_EQ(raise(SIGUSR1), 0); /* ignored */
    CHECK_EQ(call(kRtSigaction, SIGUSR1, 0, LOW(&act[1]), 8, 0), 0);
    CHECK(act[1].handler == 1 && (act[1].flags & SA_RESTART) && act[1].mask[1] == 1);
    act[0].handler = 0;
    CHECK_EQ(call(kRtSigaction, SIGUSR1, LOW(&act[0]), 0, 8, 0), 0);
    struct sigaction now;
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
    CHECK_EQ(number_of(call(kRtSigaction, SIGKILL, LOW(&act[0]), 0, 8, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kRtSigaction, SIGUSR1, LOW(&act[0]), 0, 16, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kRtSigaction, SIGUSR1, 16, 0, 8, 0)), -EFAULT);
}

struct stack32 {
    uint32_t base;
    int32_t flags;
    uint32_t size;
};
static void alternate_stack(void) {
    struct stack32* stacks = (struct stack32*)low_page();
    char* area =
        mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    NEED(area != MAP_FAILED);
    memset(stacks, 0xee, 4 * sizeof *stacks);
    stacks[0] = (struct stack32){(uint32_t)LOW(area), 0, 65536};
    CHECK_EQ(call(kSigaltstack, LOW(&stacks[0]), LOW(&stacks[1]), 0, 0, 0), 0);
    CHECK(stacks[1].flags == SS_DISABLE && stacks[1].size == 0);
    CHECK_EQ(stacks[2].base, 0xeeeeeeee);
    stack_t native;
    CHECK(sigaltstack(NULL, &native) == 0);
    CHECK(native.ss_sp == area && native.ss_size == 65536 && native.ss_flags == 0);
    stacks[0].size = 100;
    CHECK_EQ(number_of(call(kSigaltstack, LOW(&stacks[0]), 0, 0, 0, 0)), -ENOMEM);
    stacks[0] = (struct stack32){.flags = SS_DISABLE};
    CHECK_EQ(call(kSigaltstack, LOW(&stacks[0]), LOW(&stacks[1]), 0, 0, 0), 0);
    CHECK(stacks[1].base == (uint32_t)LOW(area) && stacks[1].size == 65536);
    CHECK_EQ(number_of(call(kSigaltstack, 16, 0, 0, 0, 0)), -EFAULT);
}

static void usage_and_limits(void) {
    char* page = low_page();
    struct rusage32* usage = (struct rusage32*)page;
    uint32_t* limit = (uint32_t*)(page + 512);
    CHECK_EQ(call(kGetrusage, RUSAGE_SELF, LOW(usage), 0, 0, 0), 0);
    CHECK(usage->rest[0] < 1u << 20 && usage->rest[4] > 0);
    CHECK_EQ(number_of(call(kGetrusage, 77, LOW(usage), 0, 0, 0)), -EINVAL);
    limit[0] = 33;
    limit[1] = 0xffffffff; /* no limit, whatever the width */
    struct rlimit native = {.rlim_cur = 44, .rlim_max = RLIM_INFINITY};
    NEED(setrlimit(RLIMIT_CORE, &native) == 0);
    CHECK_EQ(call(kSetrlimit, RLIMIT_CORE, LOW(limit), 0, 0, 0), 0);
    CHECK(getrlimit(RLIMIT_CORE, &native) == 0);
    CHECK(native.rlim_cur == 33 && native.rlim_max == RLIM_INFINITY);
    native.rlim_cur = 1ull << 40; /* more than the words can say */
    NEED(setrlimit(RLIMIT_CORE, &native) == 0);
    CHECK_EQ(call(kGetrlimit, RLIMIT_CORE, LOW(limit), 0, 0, 0), 0);
    CHECK(limit[0] == 0xffffffff && limit[1] == 0xffffffff);
    CHECK_EQ(number_of(call(kGetrlimit, 99, LOW(limit), 0, 0, 0)), -EINVAL);
}

/* A 64-bit program, started through this door: its arguments are words of 32 bits. */
static void executing(void) {
    char* page = low_page();
    strcpy(page, "/bin/sh");
    strcpy(page + 16, "-c");
    strcpy(page + 32, "test \"$1$WORD\" = argumentenvironment && exit 42");
    strcpy(page + 128, "argument");
    strcpy(page + 144, "WORD=environment");
    uint32_t* argv = (uint32_t*)(page + 512);
    const int offsets[] = {0, 16, 32, 0, 128};
    for (int i = 0; i < 5; i++) argv[i] = (uint32_t)LOW(page + offsets[i]);
    argv[5] = 0;
    argv[6] = (uint32_t)LOW(page + 144);
    argv[7] = 0;
    const pid_t child = fork_or_die();
    if (child == 0) {
        call(kExecve, LOW(page), LOW(&argv[0]), LOW(&argv[6]), 0, 0);
        _exit(1);
    }
    CHECK_EXITED(status_of(child), 42);
    strcpy(page, "/none");
    CHECK_EQ(number_of(call(kExecve, LOW(page), LOW(argv), 0, 0, 0)), -ENOENT);
    strcpy(page, "/bin/sh");
    argv[2] = 16;
    CHECK_EQ(number_of(call(kExecve, LOW(page), LOW(argv), 0, 0, 0)), -EFAULT);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(sleeping), CASE(interrupted_sleep),
                                          CASE(stopped_sleep), CASE(waiting), CASE(killing),
                                          CASE(signal_masks), CASE(actions), CASE(alternate_stack),
                                          CASE(usage_and_limits), CASE(executing), END});
}
