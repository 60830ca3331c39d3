/* int $0x80, continued: calls about clocks and timers, and the wait for a signal. */
#include "tests/int80.h"

#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

/* i386's numbers */
enum {
    kTimes = 43,
    kSetitimer = 104,
    kGetitimer,
    kRtSigtimedwait = 177,
    kTimerCreate = 259,
    kTimerSettime,
    kTimerGettime,
    kTimerGetoverrun,
    kTimerDelete,
    kClockSettime,
    kClockGettime,
    kClockGetres
};

struct time32 {
    int32_t sec, fraction;
};
struct timer32 {
    struct time32 interval, value;
};
struct event32 {
    uint32_t value;
    int32_t signo, notify, rest[13];
};

static void fill(void* at, size_t size) { memset(at, 0xee, size); }
static bool is_filled(const void* at, size_t size) {
    const unsigned char* bytes = at;
    while (size-- > 0) {
        if (bytes[size] != 0xee) return false;
    }
    return true;
}

static void clocks(void) {
    struct time32* at = (struct time32*)low_page();
    fill(at, 64);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_EQ(call(kClockGettime, CLOCK_MONOTONIC, LOW(at), 0, 0, 0), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const int64_t ns = at->sec * 1000000000ll + at->fraction;
    CHECK(ns >= before.tv_sec * 1000000000ll + before.tv_nsec);
    CHECK(ns <= after.tv_sec * 1000000000ll + after.tv_nsec);
    CHECK(is_filled(at + 1, 16));
    clock_getres(CLOCK_REALTIME_COARSE, &before);
    CHECK_EQ(call(kClockGetres, CLOCK_REALTIME_COARSE, LOW(at), 0, 0, 0), 0);
    CHECK(at->sec == 0 && at->fraction == before.tv_nsec);
    CHECK_EQ(call(kClockGetres, CLOCK_MONOTONIC, 0, 0, 0, 0), 0);
    CHECK_EQ(number_of(call(kClockGetres, 99, LOW(at), 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kClockGettime, CLOCK_MONOTONIC, 16, 0, 0, 0)), -EFAULT);
    *at = (struct time32){1, 0};
    CHECK_EQ(number_of(call(kClockSettime, CLOCK_MONOTONIC, LOW(at), 0, 0, 0)), -EINVAL);
    *at = (struct time32){1, 1000000000};
    CHECK_EQ(number_of(call(kClockSettime, CLOCK_REALTIME, LOW(at), 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kClockSettime, CLOCK_REALTIME, 16, 0, 0, 0)), -EFAULT);

    int32_t* tms = (int32_t*)(at + 8);
    fill(tms, 64);
    CHECK(number_of(call(kTimes, LOW(tms), 0, 0, 0, 0)) != 0);
    for (int i = 0; i < 4; i++) CHECK(tms[i] >= 0 && tms[i] < 100000);
    CHECK(is_filled(tms + 4, 16));
    CHECK_EQ(number_of(call(kTimes, 16, 0, 0, 0, 0)), -EFAULT);
}

static volatile int alarms;
static void on_alarm(int number) { (void)number, alarms++; }

static void interval_timers(void) {
    struct timer32* at = (struct timer32*)low_page();
    fill(at, 256);
    at[0] = (struct timer32){{100, 500000}, {200, 0}};
    CHECK_EQ(call(kSetitimer, ITIMER_REAL, LOW(&at[0]), LOW(&at[1]), 0, 0), 0);
    CHECK(at[1].interval.sec == 0 && at[1].interval.fraction == 0); /* the watchdog of the case */
    CHECK(at[1].value.sec > 0 && at[1].value.fraction < 1000000);
    CHECK(is_filled(&at[2], 16));
    CHECK_EQ(call(kGetitimer, ITIMER_REAL, LOW(&at[1]), 0, 0, 0), 0);
    CHECK(at[1].value.sec >= 190 && at[1].value.sec <= 200);
    CHECK(at[1].interval.sec == 100 && at[1].interval.fraction == 500000);
    CHECK(is_filled(&at[2], 16));
    struct itimerval native;
    CHECK(getitimer(ITIMER_REAL, &native) == 0 && native.it_interval.tv_usec == 500000);
    signal(SIGALRM, on_alarm);
    at[0] = (struct timer32){{0, 0}, {0, 3000}};
    CHECK_EQ(call(kSetitimer, ITIMER_REAL, LOW(&at[0]), 0, 0, 0), 0);
    while (alarms == 0) pause();
    CHECK_EQ(call(kSetitimer, ITIMER_REAL, 0, 0, 0, 0), 0);
    at[0].value.fraction = 1000000;
    CHECK_EQ(number_of(call(kSetitimer, ITIMER_REAL, LOW(&at[0]), 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kSetitimer, 9, LOW(&at[1]), 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kGetitimer, ITIMER_VIRTUAL, 16, 0, 0, 0)), -EFAULT);
}

/* The signal of a POSIX timer, fetched: number, error, code, timer, overruns, value. */
static void posix_timers(void) {
    char* page = low_page();
    struct event32* event = (struct event32*)page;
    struct timer32* at = (struct timer32*)(page + 128);
    int32_t *id = (int32_t*)(page + 256), *info = (int32_t*)(page + 512);
    uint64_t* set = (uint64_t*)(page + 320);
    fill(at, 128);
    sigset_t rt;
    sigemptyset(&rt);
    sigaddset(&rt, 40);
    NEED(sigprocmask(SIG_BLOCK, &rt, NULL) == 0);
    *event = (struct event32){.value = 0xabcd1234, .signo = 40, .notify = SIGEV_SIGNAL};
    CHECK_EQ(call(kTimerCreate, CLOCK_MONOTONIC, LOW(event), LOW(id), 0, 0), 0);
    at[0] = (struct timer32){{50, 7000}, {60, 0}};
    CHECK_EQ(call(kTimerSettime, *id, 0, LOW(&at[0]), LOW(&at[1]), 0), 0);
    CHECK(at[1].value.sec == 0 && at[1].interval.sec == 0 && is_filled(&at[2], 16));
    CHECK_EQ(call(kTimerGettime, *id, LOW(&at[1]), 0, 0, 0), 0);
    CHECK(at[1].value.sec >= 50 && at[1].value.sec <= 60);
    CHECK(at[1].interval.sec == 50 && at[1].interval.fraction == 7000);
    CHECK(is_filled(&at[2], 16));
    at[0] = (struct timer32){{0, 0}, {0, 2000000}};
    CHECK_EQ(call(kTimerSettime, *id, 0, LOW(&at[0]), 0, 0), 0);
    *set = 1ull << 39;
    fill(info, 256);
    CHECK_EQ(call(kRtSigtimedwait, LOW(set), LOW(info), 0, 8, 0), 40);
    CHECK(info[0] == 40 && info[1] == 0 && info[2] == SI_TIMER);
    CHECK(info[3] == *id && info[4] == 0 && (uint32_t)info[5] == 0xabcd1234);
    CHECK(is_filled(info + 32, 16));
    CHECK_EQ(call(kTimerGetoverrun, *id, 0, 0, 0, 0), 0);
    at[0].value.fraction = -1;
    CHECK_EQ(number_of(call(kTimerSettime, *id, 0, LOW(&at[0]), 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kTimerSettime, *id, 0, 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kTimerSettime, *id, 0, 16, 0, 0)), -EFAULT);
    CHECK_EQ(call(kTimerDelete, *id, 0, 0, 0, 0), 0);
    CHECK_EQ(number_of(call(kTimerGettime, *id, LOW(&at[1]), 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kTimerCreate, CLOCK_MONOTONIC, LOW(event), 16, 0, 0)), -EFAULT);
    CHECK_EQ(number_of(call(kTimerCreate, CLOCK_MONOTONIC, 16, LOW(id), 0, 0)), -EFAULT);
}

static void signal_wait(void) {
    char* page = low_page();
    uint64_t* set = (uint64_t*)page;
    struct time32* limit = (struct time32*)(page + 64);
    int32_t* info = (int32_t*)(page + 512);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, 41);
    NEED(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    *set = 1ull << (SIGCHLD - 1) | 1ull << (SIGUSR2 - 1) | 1ull << 40;
    *limit = (struct time32){0, 0};
    CHECK_EQ(number_of(call(kRtSigtimedwait, LOW(set), LOW(info), LOW(limit), 8, 0)), -EAGAIN);
    *limit = (struct time32){0, 2000000};
    CHECK_EQ(number_of(call(kRtSigtimedwait, LOW(set), 0, LOW(limit), 8, 0)), -EAGAIN);
    limit->fraction = 1000000000;
    CHECK_EQ(number_of(call(kRtSigtimedwait, LOW(set), 0, LOW(limit), 8, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kRtSigtimedwait, LOW(set), 0, 0, 4, 0)), -EINVAL);
    CHECK_EQ(number_of(call(kRtSigtimedwait, 16, 0, 0, 8, 0)), -EFAULT);

    fill(info, 256);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(call(kRtSigtimedwait, LOW(set), LOW(info), 0, 8, 0), SIGUSR2);
    CHECK(info[0] == SIGUSR2 && info[2] == SI_USER && info[3] == getpid());
    CHECK(info[4] == (int32_t)getuid() && is_filled(info + 32, 16));
    NEED(sigqueue(getpid(), 41, (union sigval){.sival_ptr = (void*)0x1122334455667788}) == 0);
    CHECK_EQ(call(kRtSigtimedwait, LOW(set), LOW(info), 0, 8, 0), 41);
    CHECK(info[2] == SI_QUEUE && info[3] == getpid() && info[5] == 0x55667788);
    const pid_t child = fork_or_die();
    if (child == 0) _exit(77);
    CHECK_EQ(call(kRtSigtimedwait, LOW(set), LOW(info), 0, 8, 0), SIGCHLD);
    CHECK(info[0] == SIGCHLD && info[2] == CLD_EXITED && info[3] == child && info[5] == 77);
    CHECK(info[6] >= 0 && info[6] < 1000 && info[7] >= 0 && info[7] < 1000); /* ticks */
    CHECK_EXITED(status_of(child), 77);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(clocks), CASE(interval_timers), CASE(posix_timers),
                                          CASE(signal_wait), END});
}
