/* What /proc/<pid>/pagemap, clear_refs and smaps tell of single pages. */
#include "tests/proc_text.h"

enum { kPages = 8, kPage = 4096 };
static const uint64_t kPresent = 1ull << 63, kFileOrShared = 1ull << 61, kExclusive = 1ull << 56;
static const uint64_t kSoftDirty = 1ull << 55;

static uint64_t word_of(const void* at) {
    uint64_t word = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    NEED(fd >= 0);
    NEED(pread(fd, &word, 8, (uintptr_t)at / kPage * 8) == 8);
    close(fd);
    return word;
}

static int clear_refs(const char* what) {
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    NEED(fd >= 0);
    int done = write(fd, what, strlen(what)) == (long)strlen(what) ? 0 : errno;
    close(fd);
    return done;
}

static char* map(int flags, int fd) {
    char* at = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, flags, fd, 0);
    NEED(at != MAP_FAILED);
    madvise(at, kPages * kPage, MADV_NOHUGEPAGE);
    return at;
}

/* A line of smaps of the area that begins at `at`, in KiB. */
static long smaps(const char* at, const char* line) {
    const char* text = proc_file(0, "smaps");
    char head[32];
    snprintf(head, sizeof head, "%08lx-", (unsigned long)at);
    const char* area = strstr(text, head);
    NEED(area);
    return number_of(area, line);
}

static void pagemap(void) {
    char* at = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CHECK(!(word_of(at) & kPresent));
    at[0] = 1;
    CHECK((word_of(at) & (kPresent | kExclusive | kFileOrShared)) == (kPresent | kExclusive));
    volatile char seen = at[kPage]; /* the zero page, which is nobody's own */
    (void)seen;
    CHECK((word_of(at + kPage) & (kPresent | kExclusive)) == kPresent);
    int child = fork_or_die();
    if (child == 0) {
        uint64_t word = word_of(at);
        _exit((word & (kPresent | kExclusive)) == kPresent ? 0 : 1);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    CHECK(word_of(at) & kExclusive);
    CHECK(mprotect(at, kPage, PROT_NONE) == 0);
    CHECK(munmap(at + kPage, kPage) == 0);
    CHECK_EQ(word_of(at + kPage) & ~kSoftDirty, 0);

    char* shared = map(MAP_SHARED | MAP_ANONYMOUS, -1);
    shared[0] = 1;
    CHECK((word_of(shared) & (kPresent | kFileOrShared)) == (kPresent | kFileOrShared));
}

static void pagemap_reading(void) {
    uint64_t words[4];
    int fd = open("/proc/self/pagemap", O_RDONLY);
    NEED(fd >= 0);
    CHECK_ERRNO(pread(fd, words, 7, 0), EINVAL);
    CHECK_ERRNO(pread(fd, words, 8, 4), EINVAL);
    CHECK_EQ(pread(fd, words, 0, 8), 0);
    CHECK_EQ(pread(fd, words, 32, 0), 32);
    CHECK_EQ(pread(fd, words, 8, 1ul << 47), 0);
    CHECK_EQ(pread(fd, words, 16, (0x7ffffffffull - 1) * 8), 8);
    CHECK_ERRNO(pread(fd, (void*)8, 8, 0), EFAULT);
}

/* Linux clears the marks, but lets processors remember that they have set them. A fork makes them
 * forget. */
static void forget_translations(void) {
    int child = fork_or_die();
    if (child == 0) _exit(0);
    NEED(waitpid(child, NULL, 0) == child);
}

static void referenced(void) {
    char* at = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(at, 1, kPages * kPage);
    CHECK_EQ(smaps(at, "Referenced:"), kPages * 4);
    CHECK_EQ(clear_refs("1"), 0);
    CHECK_EQ(smaps(at, "Referenced:"), 0);
    forget_translations();
    at[3 * kPage]++;
    CHECK_EQ(smaps(at, "Referenced:"), 4);
    CHECK_EQ(clear_refs("3"), 0); /* files only */
    CHECK_EQ(smaps(at, "Referenced:"), 4);
    CHECK_EQ(clear_refs("2"), 0);
    CHECK_EQ(smaps(at, "Referenced:"), 0);
    CHECK_EQ(smaps(at, "Private_Dirty:"), kPages * 4);
    CHECK_EQ(clear_refs("0"), EINVAL);
    CHECK_EQ(clear_refs("6"), EINVAL);
    CHECK_EQ(clear_refs("x"), EINVAL);
    char byte;
    const int fd = open("/proc/self/clear_refs", O_RDONLY); /* it cannot be read, also by root */
    if (fd >= 0) CHECK(read(fd, &byte, 1) == -1 && errno == EINVAL);
    close(fd);
}

/* Not every Linux keeps soft-dirty marks. */
static void soft_dirty(void) {
    char* at = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(at, 1, kPages * kPage);
    if (!(word_of(at) & kSoftDirty)) exit(SKIPPED);
    for (int round = 0; round < 3; round++) {
        CHECK_EQ(clear_refs("4"), 0);
        for (int i = 0; i < kPages; i++) CHECK(!(word_of(at + i * kPage) & kSoftDirty));
        at[round * kPage] = 2;
        volatile char seen = at[5 * kPage];
        (void)seen;
        for (int i = 0; i < kPages; i++) {
            CHECK_EQ(!!(word_of(at + i * kPage) & kSoftDirty), i == round);
        }
    }
    char* fresh = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CHECK(word_of(fresh) & kSoftDirty);
    /* Taking the right to write away and giving it back loses no mark. */
    CHECK_EQ(clear_refs("4"), 0);
    at[0] = 3;
    CHECK(mprotect(at, kPages * kPage, PROT_READ) == 0);
    CHECK(mprotect(at, kPages * kPage, PROT_READ | PROT_WRITE) == 0);
    CHECK(word_of(at) & kSoftDirty);
    at[kPage] = 3;
    CHECK(word_of(at + kPage) & kSoftDirty);
}

static void peak(void) {
    enum { kMuch = 4096 * 1024 };
    char* at = mmap(NULL, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    memset(at, 1, kMuch);
    NEED(munmap(at, kMuch) == 0);
    long before = status_of_task(0, "VmHWM:");
    CHECK_EQ(clear_refs("5"), 0);
    CHECK(status_of_task(0, "VmHWM:") <= before - 2048);
}

static int has_flag(const char* at, const char* flag) {
    const char* text = proc_file(0, "smaps");
    char head[32];
    snprintf(head, sizeof head, "%08lx-", (unsigned long)at);
    const char* area = strstr(text, head);
    NEED(area);
    const char* flags = strstr(area, "VmFlags:");
    NEED(flags);
    const char* end = strchr(flags, '\n');
    const char* found = strstr(flags, flag);
    return found && found < end;
}

static void flags_of_areas(void) {
    char* at = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    static const struct {
        int on, off;
        const char* name;
    } advice[] = {{MADV_SEQUENTIAL, MADV_NORMAL, " sr"},
                  {MADV_RANDOM, MADV_NORMAL, " rr"},
                  {MADV_DONTFORK, MADV_DOFORK, " dc"},
                  {MADV_DONTDUMP, MADV_DODUMP, " dd"},
                  {18 /* WIPEONFORK */, 19, " wf"}};
    for (unsigned i = 0; i < sizeof advice / sizeof *advice; i++) {
        CHECK(!has_flag(at, advice[i].name));
        CHECK(madvise(at, kPages * kPage, advice[i].on) == 0);
        CHECK(has_flag(at, advice[i].name));
        CHECK(madvise(at, kPages * kPage, advice[i].off) == 0);
        CHECK(!has_flag(at, advice[i].name));
    }
    CHECK(mlock(at, kPages * kPage) == 0);
    CHECK(has_flag(at, " lo"));
    CHECK_EQ(smaps(at, "Locked:"), kPages * 4);
    CHECK(munlock(at, kPages * kPage) == 0);
    CHECK_EQ(smaps(at, "Locked:"), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(pagemap), CASE(pagemap_reading), CASE(referenced),
                                          CASE(soft_dirty), CASE(peak), CASE(flags_of_areas), END});
}
