/* Transparent huge pages: nothing but smaps tells that they are there. */
#include "tests/proc_text.h"

#include <setjmp.h>

enum { kPage = 4096, kHuge = 512 * kPage, kParts = 512 };

static sigjmp_buf back;
static void on_fault(int signal) { siglongjmp(back, signal); }
static int touch(volatile char* at, int write) {
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, NULL);
    int signal = sigsetjmp(back, 1);
    if (signal) return signal;
    char seen = *at;
    if (write) *at = seen;
    return 0;
}

/* Aligned memory of `count` huge pages that wants to be huge. */
static char* map(int count) {
    char* room =
        mmap(NULL, (count + 1) * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(room != MAP_FAILED);
    char* at = (char*)(((uintptr_t)room + kHuge - 1) & -(uintptr_t)kHuge);
    if (at > room) NEED(munmap(room, at - room) == 0);
    NEED(munmap(at + count * kHuge, room + kHuge - at) == 0);
    if (madvise(at, count * kHuge, MADV_HUGEPAGE) != 0) exit(SKIPPED); /* not built in */
    return at;
}

/* A line of smaps_rollup of this process, in KiB. */
static long total(const char* line) { return number_of(proc_file(0, "smaps_rollup"), line); }

/* Fills each page with its number; ends the case if the system has no huge page to give. */
static char* filled(int count) {
    long before = total("AnonHugePages:");
    char* at = map(count);
    for (int i = 0; i < count * kParts; i++) *(int*)(at + i * kPage) = i + 1;
    if (total("AnonHugePages:") - before < count * 2048) exit(SKIPPED);
    return at;
}
static int is_filled(const char* at, int from, int to) {
    for (int i = from; i < to; i++) {
        if (*(const int*)(at + i * kPage) != i + 1) return 0;
    }
    return 1;
}

static void one_fault(void) {
    char* at = map(2);
    long rss = total("Rss:"), huge = total("AnonHugePages:");
    at[5] = 1;
    if (total("AnonHugePages:") == huge) exit(SKIPPED);
    CHECK_EQ(total("AnonHugePages:"), huge + 2048);
    CHECK(labs(total("Rss:") - rss - 2048) < 64);
    for (int i = 6; i < kHuge; i++) NEED(at[i] == 0);
    CHECK_EQ(munmap(at, 2 * kHuge), 0);
    CHECK_EQ(total("AnonHugePages:"), huge);
    CHECK(labs(total("Rss:") - rss) < 64);
}

static void partly_unmapped(void) {
    char* at = filled(2);
    long huge = total("AnonHugePages:"), anonymous = total("Anonymous:");
    CHECK_EQ(munmap(at + 100 * kPage, kPage), 0);
    CHECK_EQ(total("AnonHugePages:"), huge - 2048);
    CHECK(labs(total("Anonymous:") - anonymous + 4) < 64);
    CHECK_EQ(touch(at + 100 * kPage, 0), SIGSEGV);
    CHECK(is_filled(at, 0, 100) && is_filled(at, 101, 2 * kParts));
    CHECK_EQ(madvise(at + 600 * kPage, 10 * kPage, MADV_DONTNEED), 0);
    CHECK_EQ(total("AnonHugePages:"), huge - 4096);
    CHECK_EQ(at[600 * kPage], 0);
    CHECK(is_filled(at, 101, 600) && is_filled(at, 610, 2 * kParts));
}

static void partly_protected(void) {
    char* at = filled(1);
    CHECK_EQ(mprotect(at, kHuge, PROT_READ), 0);
    CHECK_EQ(touch(at + 7 * kPage, 1), SIGSEGV);
    CHECK(is_filled(at, 0, kParts));
    CHECK_EQ(mprotect(at, kHuge, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(touch(at + 7 * kPage, 1), 0);
    CHECK_EQ(mprotect(at + 50 * kPage, kPage, PROT_READ), 0);
    CHECK_EQ(touch(at + 49 * kPage, 1), 0);
    CHECK_EQ(touch(at + 50 * kPage, 1), SIGSEGV);
    CHECK_EQ(touch(at + 51 * kPage, 1), 0);
    CHECK_EQ(mprotect(at, kHuge, PROT_NONE), 0);
    CHECK_EQ(touch(at + 9 * kPage, 0), SIGSEGV);
    CHECK_EQ(mprotect(at, kHuge, PROT_READ | PROT_WRITE), 0);
    CHECK(is_filled(at, 0, kParts));
}

static void moved(void) {
    char* at = filled(2);
    char* room = mmap(NULL, 2 * kHuge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(room != MAP_FAILED);
    char* there = mremap(at + 10 * kPage, 20 * kPage, 20 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                         room + kPage);
    CHECK(there == room + kPage);
    for (int i = 0; i < 20; i++) CHECK_EQ(*(int*)(there + i * kPage), 11 + i);
    CHECK_EQ(touch(at + 10 * kPage, 0), SIGSEGV);
    CHECK(is_filled(at, 0, 10) && is_filled(at, 30, 2 * kParts));
    there = mremap(at + kHuge, kHuge, kHuge, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    CHECK(there == room);
    CHECK(is_filled(there - kHuge, kParts, 2 * kParts));
}

/* Parent and child share until one of them writes. */
static void forked(void) {
    char* at = filled(2);
    for (int round = 0; round < 2; round++) {
        int child = fork_or_die();
        if (child == 0) {
            int good = is_filled(at, 0, 2 * kParts);
            for (int i = 0; i < kParts; i += 3) *(int*)(at + i * kPage) = -i;
            for (int i = 0; i < kParts; i++) {
                good &= *(int*)(at + i * kPage) == (i % 3 == 0 ? -i : i + 1);
            }
            good &= munmap(at + kHuge, 100 * kPage) == 0;
            good &= is_filled(at, kParts + 100, 2 * kParts);
            _exit(good ? 0 : 1);
        }
        if (round == 1) {
            for (int i = 0; i < 2 * kParts; i += 2) *(int*)(at + i * kPage + 4) = i;
        }
        int status;
        NEED(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
        CHECK(is_filled(at, 0, 2 * kParts));
        for (int i = 0; i < 2 * kParts; i++) *(int*)(at + i * kPage) = i + 1;
    }
    CHECK_EQ(munmap(at, 2 * kHuge), 0);
}

/* The kernel reads and writes there, too. */
static void used_by_calls(void) {
    char* at = filled(1);
    int pipes[2];
    NEED(pipe(pipes) == 0);
    CHECK_EQ(write(pipes[1], at + 3 * kPage, 4), 4);
    CHECK_EQ(read(pipes[0], at + 400 * kPage + 8, 4), 4);
    CHECK_EQ(*(int*)(at + 400 * kPage + 8), 4);
    unsigned char resident[kParts];
    CHECK_EQ(mincore(at, kHuge, resident), 0);
    for (int i = 0; i < kParts; i++) CHECK_EQ(resident[i] & 1, 1);
    int fd = open("/proc/self/mem", O_RDWR), word = 77;
    CHECK_EQ(pwrite(fd, &word, 4, (off_t)(uintptr_t)(at + 9 * kPage)), 4);
    CHECK_EQ(*(int*)(at + 9 * kPage), 77);
    CHECK_EQ(pread(fd, &word, 4, (off_t)(uintptr_t)(at + 11 * kPage)), 4);
    CHECK_EQ(word, 12);
}

/* Random calls against a copy that is kept beside. */
static void at_random(void) {
    enum { kCount = 2, kAll = kCount * kParts };
    char* at = filled(kCount);
    static int copy[kAll];
    for (int i = 0; i < kAll; i++) copy[i] = i + 1;
    unsigned random = 12345;
#define RANDOM(n) ((random = random * 1103515245 + 12345) / 65536 % (n))
    for (int round = 0; round < 400; round++) {
        int from = RANDOM(kAll), count = 1 + RANDOM(round % 5 == 0 ? kParts : 8);
        if (from + count > kAll) count = kAll - from;
        char* place = at + from * kPage;
        switch (RANDOM(6)) {
        case 0:
            NEED(madvise(place, count * kPage, MADV_DONTNEED) == 0);
            for (int i = from; i < from + count; i++) copy[i] = 0;
            break;
        case 1:
            NEED(mprotect(place, count * kPage, PROT_READ) == 0);
            NEED(mprotect(place, count * kPage, PROT_READ | PROT_WRITE) == 0);
            break;
        case 2: {
            NEED(madvise(at + from / kParts * kHuge, kHuge, MADV_DONTNEED) == 0);
            for (int i = from / kParts * kParts; i < (from / kParts + 1) * kParts; i++) copy[i] = 0;
            break;
        }
        case 3: {
            int child = fork_or_die();
            if (child == 0) {
                for (int i = from; i < from + count; i++) *(int*)(at + i * kPage) = -1;
                _exit(0);
            }
            *(int*)place = copy[from] = round;
            NEED(waitpid(child, NULL, 0) == child);
            break;
        }
        default:
            for (int i = from; i < from + count; i++) *(int*)(at + i * kPage) = copy[i] = round;
        }
        for (int i = 0; i < kAll; i++) NEED(*(int*)(at + i * kPage) == copy[i]);
    }
    CHECK_EQ(munmap(at, kCount * kHuge), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(one_fault), CASE(partly_unmapped),
                                          CASE(partly_protected), CASE(moved), CASE(forked),
                                          CASE(used_by_calls), CASE(at_random), END});
}
