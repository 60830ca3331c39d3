/* Futexes on memory that is taken away, put back and replaced while threads wait on them, wake and
 * requeue: errors are EFAULT, EAGAIN and time-outs, and everybody can be ended. */
#include "hostile/hostile.h"

#include <pthread.h>
#include <sys/syscall.h>

#include "chance.h"

enum { WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAKE_OP = 5, PRIVATE = 128 };
#define WAITERS 5
#define PAGE 4096ul

static uint32_t* page; /* two words are used, in two pages */
static int file;
static volatile bool stop;
static bool shared;

static long futex(uint32_t* word, int operation, uint32_t value, uintptr_t argument,
                  uint32_t* other) {
    return syscall(SYS_futex, word, operation | (shared ? 0 : PRIVATE), value, argument, other, 0);
}

static void may_fail(long result) {
    DEMAND(result >= 0 || errno == EFAULT || errno == EAGAIN || errno == ETIMEDOUT ||
           errno == EINTR);
}

static void* wait_often(void* argument) {
    const struct timespec moment = {0, 200000};
    uint32_t* const word = page + (uintptr_t)argument % 2 * 1024;
    while (!stop) may_fail(futex(word, WAIT, 0, (uintptr_t)&moment, NULL));
    return NULL;
}

static void* wake_often(void* unused) {
    struct chance from = {7};
    while (!stop) {
        uint32_t* const one = page + below(&from, 2) * 1024;
        uint32_t* const other = page + below(&from, 2) * 1024;
        const int operation = below(&from, 2) ? REQUEUE : CMP_REQUEUE;
        may_fail(futex(one, WAKE, 1, 0, NULL));
        may_fail(syscall(SYS_futex, one, operation | (shared ? 0 : PRIVATE), 1, 2, other, 0));
        may_fail(
            futex(one, WAKE_OP, 1, 1, other)); /* adds nothing, if there is something to add to */
    }
    return unused;
}

static void put(unsigned which) {
    char* const at = (char*)page + which * PAGE;
    const int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
    DEMAND(mmap(at, PAGE, PROT_READ | PROT_WRITE, flags, shared ? file : -1,
                shared ? which * PAGE : 0) == at);
}

static void disturb(struct chance* from, long size) {
    for (long i = 0; i < size; i++) {
        const unsigned which = below(from, 2);
        char* const at = (char*)page + which * PAGE;
        switch (below(from, 4)) {
        case 0: DEMAND(munmap(at, PAGE) == 0); break;
        case 1: DEMAND(mprotect(at, PAGE, PROT_NONE) == 0 || errno == ENOMEM); break;
        case 2:
            if (shared) DEMAND(ftruncate(file, 0) == 0 && ftruncate(file, 2 * PAGE) == 0);
            break;
        default: break;
        }
        if (below(from, 3) == 0) nap_us(below(from, 300));
        put(which);
    }
}

/* In a process of its own: that also ends with waiters that nobody will ever wake. */
static _Noreturn void run(bool shares, long size) {
    struct chance from = {11};
    pthread_t thread[WAITERS + 1], sleeper;
    shared = shares;
    char name[] = "/tmp/futex.XXXXXX";
    file = mkstemp(name);
    unlink(name);
    DEMAND(file >= 0 && ftruncate(file, 2 * PAGE) == 0);
    page = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DEMAND(page != MAP_FAILED);
    put(0);
    put(1);
    for (uintptr_t i = 0; i < WAITERS; i++) {
        DEMAND_EQUAL(pthread_create(&thread[i], NULL, wait_often, (void*)i), 0);
    }
    DEMAND_EQUAL(pthread_create(&thread[WAITERS], NULL, wake_often, NULL), 0);
    disturb(&from, size);
    stop = true;
    for (unsigned i = 0; i <= WAITERS; i++) DEMAND_EQUAL(pthread_join(thread[i], NULL), 0);
    /* The page goes under one who waits for ever. */
    stop = false;
    DEMAND_EQUAL(pthread_create(&sleeper, NULL, wait_often, NULL), 0);
    nap_us(1000);
    DEMAND(munmap(page, 2 * PAGE) == 0);
    DEMAND(futex(page, WAIT, 0, 0, NULL) == -1 && errno == EFAULT);
    _exit(0);
}

void unmapped(long size) {
    for (int shares = 0; shares < 2; shares++) {
        const pid_t child = fork();
        DEMAND(child >= 0);
        if (child == 0) run(shares, size);
        expect_status(child, 0);
    }
}
