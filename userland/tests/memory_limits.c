/* What keeps a process from holding more memory than it may, and a call on a huge range from
 * lasting for ever: RLIMIT_MEMLOCK, RLIMIT_AS, SIGKILL. And what it may see of memory that others
 * use. */
#include "tests/check.h"

#include <sys/resource.h>

enum { kPage = 4096 };
#define TIB (1ul << 40)

/* As somebody else, whom limits bind. */
static void become_nobody(void) {
    enum { kNobody = 65534 };
    if (getuid() != 0) return;
    NEED(setresgid(kNobody, kNobody, kNobody) == 0);
    NEED(setresuid(kNobody, kNobody, kNobody) == 0);
}
static void set_limit(int which, unsigned long bytes) {
    struct rlimit limit = {bytes, bytes};
    NEED(setrlimit(which, &limit) == 0);
}
static char* map(unsigned long bytes, int protection, int flags) { /* musl hides EPERM */
    return (char*)syscall(SYS_mmap, NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags,
                          -1, 0L);
}
#define CHECK_NOT_MAPPED(call, error)                         \
    do {                                                      \
        errno = 0;                                            \
        CHECK((call) == (char*)MAP_FAILED && errno == error); \
    } while (0)

static void locks_count_once(void) {
    become_nobody();
    set_limit(RLIMIT_MEMLOCK, 8 * kPage);
    char* at = map(16 * kPage, PROT_READ | PROT_WRITE, 0);
    NEED(at != MAP_FAILED);
    CHECK_EQ(mlock(at, 8 * kPage), 0);
    CHECK_EQ(mlock(at, 8 * kPage), 0); /* it is locked already */
    CHECK_EQ(mlock(at + kPage, 2 * kPage), 0);
    CHECK_ERRNO(mlock(at, 9 * kPage), ENOMEM);
    CHECK_ERRNO(mlock(at + 8 * kPage, 1), ENOMEM);
    CHECK_EQ(munlock(at, kPage), 0);
    CHECK_EQ(mlock(at + 8 * kPage, 1), 0);
    CHECK_ERRNO(mlock(at, 1), ENOMEM);
}

static void mappings_count_as_locked(void) {
    become_nobody();
    set_limit(RLIMIT_MEMLOCK, 8 * kPage);
    char* at = map(8 * kPage, PROT_READ | PROT_WRITE, MAP_LOCKED);
    CHECK(at != MAP_FAILED);
    CHECK_NOT_MAPPED(map(kPage, PROT_READ, MAP_LOCKED), EAGAIN);
    CHECK_ERRNO(mlock(map(kPage, PROT_READ, 0), 1), ENOMEM);
    NEED(munmap(at + 4 * kPage, 4 * kPage) == 0);
    CHECK_EQ(mlock(map(4 * kPage, PROT_READ | PROT_WRITE, 0), 4 * kPage), 0);
    at = mremap(at, 4 * kPage, 8 * kPage, MREMAP_MAYMOVE);
    CHECK(at == MAP_FAILED && errno == EAGAIN);
}

static void no_locks_at_all(void) {
    become_nobody();
    set_limit(RLIMIT_MEMLOCK, 0);
    char* at = map(kPage, PROT_READ, 0);
    CHECK_ERRNO(mlock(at, 1), EPERM);
    CHECK_ERRNO(mlockall(MCL_CURRENT), EPERM);
    CHECK_ERRNO(mlockall(MCL_FUTURE), EPERM);
    CHECK_NOT_MAPPED(map(kPage, PROT_READ, MAP_LOCKED), EPERM);
    CHECK_EQ(munlock(at, 1), 0);
    CHECK_EQ(munlockall(), 0);
}

/* With MCL_CURRENT everything there is counts, once; MCL_FUTURE alone costs nothing yet. */
static void all_counts_once(void) {
    become_nobody();
    struct rlimit limit;
    NEED(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    const size_t most = limit.rlim_max < (64 << 20) ? limit.rlim_max : 64 << 20;
    if (most < (4 << 20)) skip_case("too little may be locked");
    set_limit(RLIMIT_MEMLOCK, most);
    char* at = map(most * 5 / 8 & -kPage, PROT_READ | PROT_WRITE, 0);
    NEED(mlock(at, most * 5 / 8) == 0);
    CHECK_EQ(mlockall(MCL_CURRENT), 0); /* the program itself is small */
    NEED(munlockall() == 0);
    set_limit(RLIMIT_MEMLOCK, 1 << 20);
    CHECK_ERRNO(mlockall(MCL_CURRENT), ENOMEM);
    CHECK_EQ(mlockall(MCL_FUTURE), 0);
    CHECK(map(1 << 19, PROT_READ, 0) != MAP_FAILED);
    CHECK_NOT_MAPPED(map(2 << 20, PROT_READ, 0), EAGAIN);
}

static long locked_kb(void) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    long got = read(fd, text, sizeof text - 1);
    close(fd);
    NEED(got > 0);
    text[got] = 0;
    char* line = strstr(text, "VmLck:");
    NEED(line);
    return atol(line + 6);
}
static int resident(char* at, int pages) {
    unsigned char in[64];
    int count = 0;
    NEED(pages <= 64 && mincore(at, (size_t)pages * kPage, in) == 0);
    for (int i = 0; i < pages; i++) count += in[i] & 1;
    return count;
}

enum { kOnFault = 4 }; /* MCL_ONFAULT */
static void locked_when_touched(void) {
    const long before = locked_kb();
    char* at = map(16 * kPage, PROT_READ | PROT_WRITE, 0);
    CHECK_EQ(syscall(SYS_mlock2, at, 16 * kPage, 1), 0);
    CHECK_EQ(locked_kb() - before, 64);
    CHECK_EQ(resident(at, 16), 0);
    at[0] = 1;
    CHECK_EQ(resident(at, 16), 1);
    CHECK_EQ(mlock(at, 16 * kPage), 0);
    CHECK_EQ(resident(at, 16), 16);
    CHECK_EQ(munlock(at, 16 * kPage), 0);
    CHECK_EQ(locked_kb() - before, 0);
    CHECK_ERRNO(mlockall(kOnFault), EINVAL);
    CHECK_ERRNO(syscall(SYS_mlock2, at, 16 * kPage, 2), EINVAL);
    CHECK_EQ(mlockall(MCL_FUTURE | kOnFault), 0);
    at = map(16 * kPage, PROT_READ | PROT_WRITE, 0);
    CHECK_EQ(resident(at, 16), 0);
    CHECK_EQ(mlockall(MCL_CURRENT | kOnFault), 0);
    CHECK_EQ(resident(at, 16), 0);
    CHECK(locked_kb() - before >= 128);
    CHECK_EQ(mlockall(MCL_CURRENT), 0);
    CHECK_EQ(resident(at, 16), 16);
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(locked_kb(), 0);
}

static void what_cannot_be_locked(void) {
    char* at = map(4 * kPage, PROT_NONE, 0);
    CHECK_ERRNO(mlock(at, kPage), ENOMEM);
    int fd = open("short", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, kPage) == 0);
    at = mmap(NULL, 3 * kPage, PROT_READ, MAP_SHARED, fd, 0);
    NEED(at != MAP_FAILED);
    CHECK_EQ(mlock(at, kPage), 0);
    CHECK_ERRNO(mlock(at, 3 * kPage), ENOMEM);       /* beyond the end of the file */
    CHECK_ERRNO(madvise(at, 3 * kPage, 22), EFAULT); /* MADV_POPULATE_READ */
    NEED(munmap(at + kPage, kPage) == 0);
    CHECK_ERRNO(mlock(at, 3 * kPage), ENOMEM);
}

static void locked_pages_move(void) {
    char* at = map(8 * kPage, PROT_READ | PROT_WRITE, MAP_LOCKED);
    NEED(at != MAP_FAILED);
    memset(at, 7, 8 * kPage);
    char* to = mremap(at, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    CHECK(to != MAP_FAILED);
    CHECK_EQ(to[8 * kPage - 1], 7);
    CHECK_EQ(at[8 * kPage - 1], 0);
}

static void zeros_are_resident(void) {
    char* at = map(8 * kPage, PROT_READ | PROT_WRITE, 0);
    CHECK_EQ(resident(at, 8), 0);
    CHECK_EQ(at[kPage], 0);
    CHECK_EQ(resident(at, 8), 1);
}

/* MREMAP_DONTUNMAP leaves the old range behind, which counts. */
static void copies_count(void) {
    char* at = map(64 << 20, PROT_READ | PROT_WRITE, 0);
    NEED(at != MAP_FAILED);
    set_limit(RLIMIT_AS, 100 << 20);
    void* copy = mremap(at, 64 << 20, 64 << 20, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    CHECK(copy == MAP_FAILED && errno == ENOMEM);
    copy = mremap(at, 16 << 20, 16 << 20, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    CHECK(copy != MAP_FAILED);
}

static void nothing_to_bring_in(void) {
    char* at = map(64 * TIB, PROT_NONE, MAP_NORESERVE | MAP_POPULATE);
    CHECK(at != MAP_FAILED); /* at once */
}

static void bring_in_for_ever(void) { map(64 * TIB, PROT_READ, MAP_NORESERVE | MAP_POPULATE); }
static void populate_is_killable(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        bring_in_for_ever();
        _exit(0);
    }
    usleep(20000);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

/* mincore() tells who may write to a file, or owns it, what of it is in memory; others nothing. */
static void residence_of(int fd, unsigned char* resident) {
    char* at = mmap(NULL, 4 * kPage, PROT_READ, MAP_SHARED, fd, 0);
    NEED(at != MAP_FAILED);
    memset(resident, 0xee, 4);
    CHECK_EQ(mincore(at, 4 * kPage, resident), 0);
    munmap(at, 4 * kPage);
}
static void mincore_keeps_secrets(void) {
    unsigned char resident[4];
    int fd = open("holes", O_RDWR | O_CREAT, 0644);
    NEED(fd >= 0 && ftruncate(fd, 4 * kPage) == 0 && pwrite(fd, "x", 1, kPage) == 1);
    int theirs = open("holes", O_RDONLY);
    residence_of(theirs, resident);
    CHECK(resident[1] & 1);
    CHECK(!(resident[3] & 1));
    if (getuid() != 0) skip_case("needs root");
    become_nobody();
    residence_of(theirs, resident);
    CHECK(resident[0] == 1 && resident[1] == 1 && resident[2] == 1 && resident[3] == 1);
}

enum { kPrivateExpedited = 8, kRegisterPrivateExpedited = 16 };
static void announce_barriers(void) {
    CHECK_ERRNO(syscall(SYS_membarrier, kPrivateExpedited, 0, 0), EPERM);
    CHECK_EQ(syscall(SYS_membarrier, kRegisterPrivateExpedited, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, kPrivateExpedited, 0, 0), 0);
    pid_t pid = fork_or_die();
    if (pid == 0) _exit(syscall(SYS_membarrier, kPrivateExpedited, 0, 0) != 0);
    CHECK_EXITED(status_of(pid), 0);
    CHECK_ERRNO(syscall(SYS_membarrier, 0, 1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(locks_count_once), CASE(mappings_count_as_locked), CASE(no_locks_at_all),
        CASE(all_counts_once), CASE(locked_when_touched), CASE(what_cannot_be_locked),
        CASE(locked_pages_move), CASE(zeros_are_resident), CASE(copies_count),
        CASE(nothing_to_bring_in), CASE(populate_is_killable), CASE(mincore_keeps_secrets),
        CASE(announce_barriers), END});
}
