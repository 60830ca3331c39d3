/// Wake-ups and switches among few and among very many tasks: what a scheduler may not pay for
/// those that do not take part.
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "word.h"

enum { kMostThreads = 10000, kStack = 16384 };

static unsigned members;
static uint32_t turn[kMostThreads];   // a ring: whose is 1 may go on
static uint64_t steps, wanted_steps;  // of all members
static uint32_t reached;              // wanted_steps has been
static uint32_t begun;

static void sleep_on(uint32_t* word) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) sleep_while(word, 0);
}
static void set_and_wake(uint32_t* word) {
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    wake(word, 1);
}

/// The members of a crowd never end by themselves: the process does.
static void gather(unsigned count, void* (*member)(void*)) {
    pthread_attr_t small;
    pthread_t thread;
    must_be(pthread_attr_init(&small), 0, "pthread_attr_init");
    must_be(pthread_attr_setstacksize(&small, kStack), 0, "pthread_attr_setstacksize");
    for (members = 0; members < count; members++) {
        void* const number = (void*)(uintptr_t)members;
        must_be(pthread_create(&thread, &small, member, number), 0, "pthread_create");
    }
}

static void* yield_and_count(void* unused) {
    sleep_on(&begun);  // or they would take turns with who makes them
    for (;;) {
        if (++steps >= wanted_steps && !reached) set_and_wake(&reached);
        sched_yield();
    }
    return unused;
}
static void* hand_on(void* number) {
    const uintptr_t own = (uintptr_t)number;
    for (;;) {
        sleep_on(&turn[own]);
        turn[own] = 0;
        if (++steps == wanted_steps) {
            set_and_wake(&reached);
        } else {
            set_and_wake(&turn[(own + 1) % members]);
        }
    }
    return NULL;
}
static void* sleep_for_ever(void* unused) {
    static uint32_t never;
    for (;;) sleep_on(&never);
    return unused;
}
static void* await_turn_once(void* number) {
    sleep_on(&turn[(uintptr_t)number]);
    return sleep_for_ever(NULL);
}

/// `count` yields, by whomever: each is a switch to the next of the crowd.
static void yields(unsigned count) {
    wanted_steps = steps + count;
    reached = 0;
    sleep_on(&reached);
}
/// The turn is handed on `count` times: each is a wake-up and a switch.
static void hops(unsigned count) {
    reached = 0;
    wanted_steps = steps + count;
    set_and_wake(&turn[steps % members]);
    sleep_on(&reached);
}

/// Each wakes another one, which then is ready but does not run: who wakes goes first.
static void wakes(unsigned count) {
    while (count-- > 0) set_and_wake(&turn[steps++]);
}

/// Who measures shall not have to wait for its turn.
static void go_first(void) {
    const struct sched_param first = {.sched_priority = 1};
    must_be(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &first), 0, "sched_setscheduler");
}

static void gather_yielders(unsigned count) {
    gather(count, yield_and_count);
    go_first();
    begun = 1;
    wake(&begun, kMostThreads);
}
static void yielders_10(unsigned count) {
    (void)count;
    gather_yielders(10);
}
static void yielders_1000(unsigned count) {
    (void)count;
    gather_yielders(1000);
}
static void yielders_10000(unsigned count) {
    (void)count;
    gather_yielders(10000);
}
/// A ring of ten, and so many that sleep.
static void ring_with(unsigned sleepers) {
    gather(sleepers, sleep_for_ever);
    gather(10, hand_on);
    sched_yield();
}
static void ring_10(unsigned count) {
    (void)count;
    ring_with(0);
}
static void ring_10_of_1000(unsigned count) {
    (void)count;
    ring_with(990);
}
static void ring_10_of_10000(unsigned count) {
    (void)count;
    ring_with(9990);
}
static void sleepers(unsigned count) {
    gather(count, await_turn_once);
    usleep(500000);  // until all of them sleep
    go_first();
}
static void ring_1000(unsigned count) {
    (void)count;
    gather(1000, hand_on);
}
static void ring_10000(unsigned count) {
    (void)count;
    gather(10000, hand_on);
}

const Operation kCrowdOperations[] = {
    {"yield_among_10", 20000, yields, yielders_10},
    {"yield_among_1000", 20000, yields, yielders_1000},
    {"yield_among_10000", 40000, yields, yielders_10000},
    {"wake_switch_of_10", 5000, hops, ring_10},
    {"wake_switch_990_asleep", 5000, hops, ring_10_of_1000},
    {"wake_switch_9990_asleep", 5000, hops, ring_10_of_10000},
    {"wake_till_80_ready", 80, wakes, sleepers},
    {"wake_till_8000_ready", 8000, wakes, sleepers},
    {"wake_switch_of_1000", 8000, hops, ring_1000},
    {"wake_switch_of_10000", 40000, hops, ring_10000},
    {NULL, 0, NULL, NULL},
};
