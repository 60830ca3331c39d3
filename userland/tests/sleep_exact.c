/* How exact sleeping is: never early; how late at most is printed, for whoever knows how busy the
 * machine is (tests/system/test_timers.py). */
#include "tests/check.h"

#include <time.h>

#define NAPS 200
#define NAP_NS 1000000

static long long now_ns(void) {
    struct timespec now;
    NEED(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* 200 naps of a millisecond, so that they begin all over the tick. */
static void naps(void) {
    struct timespec nap = {0, NAP_NS};
    long long latest = 0;
    for (int i = 0; i < NAPS; i++) {
        long long begin = now_ns();
        CHECK(nanosleep(&nap, NULL) == 0);
        long long late = now_ns() - begin - NAP_NS;
        CHECK(late >= 0);
        if (late > latest) latest = late;
    }
    printf("# latest: %lld ns\n", latest);
    fflush(stdout);
}

/* The same with dates: lateness does not add up. */
static void dates(void) {
    long long begin = now_ns(), latest = 0;
    for (int i = 1; i <= NAPS; i++) {
        long long date = begin + i * (long long)NAP_NS;
        struct timespec until = {date / 1000000000, date % 1000000000};
        CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
        long long late = now_ns() - date;
        CHECK(late >= 0);
        if (late > latest) latest = late;
    }
    printf("# latest: %lld ns\n", latest);
    fflush(stdout);
}

int main(void) { return run_cases((struct test_case[]){CASE(naps), CASE(dates), END}); }
