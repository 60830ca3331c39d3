/* Private memory that is in swap space, and what the calls do with it. Where there is no swap space
 * on, the cases that need it are skipped. */
#include "tests/proc_text.h"

#include <setjmp.h>

enum { kPage = 4096, kPages = 64, kBytes = kPages * kPage };
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
static const uint64_t kSoftDirty = 1ull << 55, kSwapped = 1ull << 62, kPresent = 1ull << 63;

static sigjmp_buf back;
static void on_fault(int signal) { siglongjmp(back, signal); }
static int write_to(volatile int* at) {
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, NULL);
    int signal = sigsetjmp(back, 1);
    if (signal) return signal;
    *at = 1;
    return 0;
}

static uint64_t pagemap(const void* at) {
    uint64_t word = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    NEED(fd >= 0);
    NEED(pread(fd, &word, 8, (off_t)((uintptr_t)at / kPage * 8)) == 8);
    close(fd);
    return word;
}
static int count_marked(const char* at, uint64_t mark) {
    int count = 0;
    for (int i = 0; i < kPages; i++) count += (pagemap(at + i * kPage) & mark) != 0;
    return count;
}

static char* map(int flags) {
    char* at = mmap(NULL, kBytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    for (int i = 0; i < kPages; i++) *(int*)(at + i * kPage) = i + 1;
    return at;
}
static int is_filled(const char* at) {
    for (int i = 0; i < kPages; i++) {
        if (*(const int*)(at + i * kPage) != i + 1) return 0;
    }
    return 1;
}

/* Pages that are in swap space, nearly all of them: some may be on their way to a list. */
static char* swapped_out(void) {
    const char* swaps = proc_file(0, "../swaps");
    if (!swaps || !strchr(swaps, '\n') || !strchr(swaps, '\n')[1]) exit(SKIPPED);
    char* at = map(MAP_PRIVATE);
    for (int i = 0; i < 10; i++) {
        NEED(madvise(at, kBytes, MADV_PAGEOUT) == 0);
        if (count_marked(at, kSwapped) >= kPages - 16) return at;
        usleep(50000);
    }
    NEED(!"nothing was swapped out");
    return NULL;
}

static long swap_of_mine(void) { return number_of(proc_file(0, "smaps_rollup"), "Swap:"); }

static void there_and_back(void) {
    char* at = swapped_out();
    int out = count_marked(at, kSwapped);
    CHECK(count_marked(at, kPresent) <= kPages - out);
    CHECK(swap_of_mine() >= out * 4);
    CHECK(status_of_task(0, "VmSwap:") >= out * 4);
    unsigned char in[kPages];
    CHECK_EQ(mincore(at, kBytes, in), 0);
    if (geteuid() == 0) { /* each page has a slot of its own, and none the header's */
        uint64_t seen[kPages];
        for (int i = 0; i < kPages; i++) {
            seen[i] = pagemap(at + i * kPage);
            if (!(seen[i] & kSwapped)) continue;
            CHECK((seen[i] & ((1ull << 55) - 1)) >> 5 != 0);
            for (int j = 0; j < i; j++) CHECK(!(seen[j] & kSwapped) || seen[i] != seen[j]);
        }
    }
    CHECK(is_filled(at));
    CHECK_EQ(count_marked(at, kSwapped), 0);
    CHECK_EQ(count_marked(at, kPresent), kPages);
    CHECK_EQ(mincore(at, kBytes, in), 0);
    for (int i = 0; i < kPages; i++) CHECK(in[i] & 1);
}

static void soft_dirty(void) {
    char* at = map(MAP_PRIVATE);
    if (count_marked(at, kSoftDirty) != kPages) exit(SKIPPED); /* not built in */
    munmap(at, kBytes);
    at = swapped_out();
    CHECK_EQ(count_marked(at, kSoftDirty), kPages);
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    CHECK_EQ(write(fd, "4", 1), 1);
    CHECK_EQ(count_marked(at, kSoftDirty), 0);
    CHECK(is_filled(at));
    CHECK_EQ(count_marked(at, kSoftDirty), 0);
    NEED(madvise(at, kBytes, MADV_PAGEOUT) == 0);
    CHECK_EQ(count_marked(at, kSoftDirty), 0);
    for (int i = 0; i < kPages; i += 2) *(int*)(at + i * kPage) = i + 1;
    CHECK_EQ(count_marked(at, kSoftDirty), kPages / 2);
    NEED(madvise(at, kBytes, MADV_PAGEOUT) == 0);
    CHECK_EQ(count_marked(at, kSoftDirty), kPages / 2);
    CHECK(is_filled(at));
    close(fd);
}

static void moved(void) {
    char* at = swapped_out();
    char* room = mmap(NULL, 2 * kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* to = mremap(at, kBytes, kBytes, MREMAP_MAYMOVE | MREMAP_FIXED, room + kBytes);
    NEED(to == room + kBytes);
    CHECK(count_marked(to, kSwapped) > 0);
    CHECK(is_filled(to));
}

static void protected(void) {
    char* at = swapped_out();
    CHECK_EQ(mprotect(at, kBytes, PROT_READ), 0);
    CHECK_EQ(write_to((int*)at), SIGSEGV);
    CHECK(is_filled(at));
    CHECK_EQ(write_to((int*)at), SIGSEGV);
    NEED(madvise(at, kBytes, MADV_PAGEOUT) == 0);
    CHECK_EQ(mprotect(at, kBytes, PROT_NONE), 0);
    CHECK_EQ(write_to((int*)at), SIGSEGV);
    CHECK_EQ(mprotect(at, kBytes, PROT_READ | PROT_WRITE), 0);
    CHECK(is_filled(at));
    for (int i = 0; i < kPages; i++) CHECK_EQ(write_to((int*)(at + i * kPage)), 0);
}

static void thrown_away(void) {
    char* at = swapped_out();
    CHECK(swap_of_mine() > 0);
    CHECK_EQ(madvise(at, kBytes / 2, MADV_DONTNEED), 0);
    CHECK_EQ(madvise(at + kBytes / 2, kBytes / 2, MADV_FREE), 0);
    CHECK_EQ(count_marked(at, kSwapped), 0);
    for (int i = 0; i < kPages / 2; i++) CHECK_EQ(at[i * kPage], 0);
    for (int i = kPages / 2; i < kPages; i++) CHECK(at[i * kPage] == 0 || at[i * kPage] == i + 1);
    char* other = swapped_out();
    CHECK_EQ(munmap(other, kBytes), 0);
    CHECK_EQ(swap_of_mine(), 0);
}

static void forked(void) {
    char* at = swapped_out();
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        if (!is_filled(at)) _exit(1);
        for (int i = 0; i < kPages; i++) *(int*)(at + i * kPage) = -1;
        madvise(at, kBytes, MADV_PAGEOUT);
        for (int i = 0; i < kPages; i++) {
            if (*(int*)(at + i * kPage) != -1) _exit(2);
        }
        _exit(0);
    }
    int status;
    for (int i = 0; i < kPages; i += 3) NEED(*(int*)(at + i * kPage) == i + 1);
    NEED(madvise(at, kBytes, MADV_PAGEOUT) == 0);
    CHECK(is_filled(at));
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    for (int i = 0; i < kPages; i++) CHECK_EQ(write_to((int*)(at + i * kPage)), 0);
}

static void used_by_calls(void) {
    char* at = swapped_out();
    int ends[2];
    NEED(pipe(ends) == 0);
    CHECK_EQ(write(ends[1], at + 5 * kPage, 4), 4);
    CHECK_EQ(read(ends[0], at + 9 * kPage, 4), 4);
    CHECK_EQ(*(int*)(at + 9 * kPage), 6);
    *(int*)(at + 9 * kPage) = 10;
    CHECK(is_filled(at));
}

/* These need no swap space. */
static void hints(void) {
    for (int kind = 0; kind < 2; kind++) {
        char* at = map(kind ? MAP_SHARED : MAP_PRIVATE);
        CHECK_EQ(madvise(at, kBytes, MADV_COLD), 0);
        CHECK(is_filled(at));
        CHECK_EQ(madvise(at, kBytes, MADV_PAGEOUT), 0);
        CHECK(is_filled(at));
        CHECK_EQ(munmap(at + kPage, kPage), 0);
        for (int hint = MADV_COLD; hint <= MADV_PAGEOUT; hint++) {
            errno = 0;
            CHECK(madvise(at, kBytes, hint) == -1 && errno == ENOMEM);
            CHECK(madvise(at + 1, kPage, hint) == -1 && errno == EINVAL);
        }
        if (mlock(at, kPage) != 0) continue;
        for (int hint = MADV_COLD; hint <= MADV_PAGEOUT; hint++) {
            CHECK(madvise(at, kPage, hint) == -1 && errno == EINVAL);
        }
        CHECK(madvise(at, kPage, MADV_FREE) == -1 && errno == EINVAL);
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(there_and_back), CASE(soft_dirty), CASE(moved),
                                          CASE(protected), CASE(thrown_away), CASE(forked),
                                          CASE(used_by_calls), CASE(hints), END});
}
