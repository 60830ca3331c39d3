/* No processor may go on using a translation that a call has taken away: what another thread still
 * writes must not arrive after the call returned. */
#include "tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { kRounds = 100, kPages = 3 };

static atomic_int stop;
static _Atomic(volatile unsigned*) target; /* NULL: the writer rests */

/* The write is tried again until it is allowed. */
static void on_fault(int signal) {
    (void)signal;
    if (atomic_load(&stop)) pthread_exit(NULL);
    sched_yield();
}

static void* write_on(void* argument) {
    unsigned number = 0;
    while (!atomic_load(&stop)) {
        volatile unsigned* at = atomic_load(&target);
        if (!at) {
            sched_yield();
            continue;
        }
        for (int i = 0; i < kPages; i++) at[i * 1024] = ++number;
    }
    return argument;
}

static pthread_t writer;
static void start_writer(void) {
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    NEED(pthread_create(&writer, NULL, write_on, NULL) == 0);
}
static void stop_writer(void) {
    atomic_store(&stop, 1);
    pthread_join(writer, NULL);
}

/* Lets the other threads run for a little. */
static void pause_a_little(void) {
    for (int i = 0; i < 3; i++) sched_yield();
    for (volatile int i = 0; i < 3000; i++) continue;
}

static volatile unsigned* map(int protection) {
    void* at = mmap(NULL, kPages * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    return at;
}

/* Waits until the writer has written to `at` since now. */
static void wait_for_write(volatile unsigned* at) {
    for (unsigned seen = *at; *at == seen;) sched_yield();
}

/* The pages as they are now; then again, and nothing may have changed. */
static int is_still(volatile unsigned* at) {
    unsigned seen[kPages];
    for (int i = 0; i < kPages; i++) seen[i] = at[i * 1024];
    pause_a_little();
    for (int i = 0; i < kPages; i++) {
        if (at[i * 1024] != seen[i]) return 0;
    }
    return 1;
}

static void write_against_mprotect(void) {
    volatile unsigned* at = map(PROT_READ | PROT_WRITE);
    atomic_store(&target, at);
    start_writer();
    for (int i = 0; i < kRounds; i++) {
        wait_for_write(at);
        NEED(mprotect((void*)at, kPages * 4096, PROT_READ) == 0);
        NEED(is_still(at));
        NEED(mprotect((void*)at, kPages * 4096, PROT_READ | PROT_WRITE) == 0);
    }
    stop_writer();
}

/* The child's memory is what it was at the fork, and stands still. */
static void write_against_fork(void) {
    volatile unsigned* at = map(PROT_READ | PROT_WRITE);
    atomic_store(&target, at);
    start_writer();
    for (int i = 0; i < kRounds / 10; i++) {
        wait_for_write(at);
        int child = fork();
        NEED(child >= 0);
        if (child == 0) {
            /* Three stores in order, so at the fork the pages were at most one step apart. */
            unsigned a = at[0], c = at[2048];
            int good = is_still(at) && (int)(a - c) >= -2 && (int)(a - c) <= 1 && at[0] == a;
            at[0] = 7;
            _exit(good ? 0 : 1);
        }
        int status;
        NEED(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
        CHECK(at[0] != 7 || at[1024] >= 7);
    }
    stop_writer();
}

/* A new mapping in the old one's place stays zero. */
static void write_against_replacement(void) {
    volatile unsigned* at = map(PROT_READ | PROT_WRITE);
    atomic_store(&target, at);
    start_writer();
    for (int i = 0; i < kRounds; i++) {
        wait_for_write(at);
        void* again = mmap((void*)at, kPages * 4096, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        NEED(again == at);
        for (int page = 0; page < kPages; page++) NEED(at[page * 1024] == 0);
        NEED(is_still(at));
        NEED(mprotect((void*)at, kPages * 4096, PROT_READ | PROT_WRITE) == 0);
    }
    stop_writer();
}

/* Pages that have moved away are not written to through their old address. */
static void write_against_mremap(void) {
    volatile unsigned* at = map(PROT_READ | PROT_WRITE);
    atomic_store(&target, at);
    start_writer();
    for (int i = 0; i < kRounds; i++) {
        wait_for_write(at);
        void* place = (void*)map(PROT_NONE);
        void* moved =
            mremap((void*)at, kPages * 4096, kPages * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, place);
        NEED(moved == place);
        NEED(is_still(moved));
        NEED(munmap(moved, kPages * 4096) == 0);
        void* again = mmap((void*)at, kPages * 4096, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        NEED(again == at);
    }
    stop_writer();
}

/* Who reads a page that is shared after a fork sees the copy that another thread's write makes. */
static _Atomic(volatile unsigned*) watched;
static atomic_uint wanted, seen_by_reader;
static void* read_on(void* argument) {
    while (!atomic_load(&stop)) {
        volatile unsigned* at = atomic_load(&watched);
        if (at && *at == atomic_load(&wanted)) atomic_store(&seen_by_reader, atomic_load(&wanted));
        sched_yield();
    }
    return argument;
}
static void read_against_copying(void) {
    volatile unsigned* at = map(PROT_READ | PROT_WRITE);
    at[0] = 1;
    pthread_t reader;
    atomic_store(&wanted, 1);
    atomic_store(&watched, at);
    NEED(pthread_create(&reader, NULL, read_on, NULL) == 0);
    for (unsigned i = 2; i < 2 + kRounds / 10; i++) {
        while (atomic_load(&seen_by_reader) != i - 1) sched_yield();
        int child = fork(); /* holds the page until it is killed */
        NEED(child >= 0);
        if (child == 0) {
            for (;;) pause();
        }
        atomic_store(&wanted, i);
        at[0] = i;                                               /* makes the copy */
        while (atomic_load(&seen_by_reader) != i) sched_yield(); /* else the alarm ends us */
        kill(child, SIGKILL);
        NEED(waitpid(child, NULL, 0) == child);
    }
    atomic_store(&stop, 1);
    pthread_join(reader, NULL);
}

/* Shared file pages: what is written after mprotect(PROT_READ) returned is in neither place. */
static void write_against_file_mprotect(void) {
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, kPages * 4096) == 0);
    volatile unsigned* at = mmap(NULL, kPages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(at != MAP_FAILED);
    atomic_store(&target, at);
    start_writer();
    for (int i = 0; i < kRounds; i++) {
        wait_for_write(at);
        NEED(mprotect((void*)at, kPages * 4096, PROT_READ) == 0);
        unsigned before, after;
        NEED(pread(fd, &before, 4, 0) == 4);
        NEED(is_still(at));
        NEED(pread(fd, &after, 4, 0) == 4);
        CHECK_EQ(after, before);
        NEED(mprotect((void*)at, kPages * 4096, PROT_READ | PROT_WRITE) == 0);
    }
    stop_writer();
}

int main(void) {
    return run_cases((struct test_case[]){CASE(write_against_mprotect), CASE(write_against_fork),
                                          CASE(write_against_replacement),
                                          CASE(write_against_mremap), CASE(read_against_copying),
                                          CASE(write_against_file_mprotect), END});
}
