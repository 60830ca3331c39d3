/* Every kind of copy between kernel and program, with a fault at every place: exactly what fits is
 * moved, the rest is EFAULT, and nothing beyond the end is touched. */
#include "tests/check.h"

#include <sys/uio.h>
#include <time.h>

enum { FUTEX_WAIT_ = 0, FUTEX_WAKE_OP_ = 5, PAGE = 4096 };
static const uintptr_t kNowhere[] = {
    0x7ffffffff000,     0x7fffffffffff,     0x800000000000,     0x8000000000000000,
    0xffff7fffffffffff, 0xffff888000000000, 0xffffffff80000000, ~0ul};
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Fixed sizes in: a structure of which the last bytes are missing. */
static void structures_in(void) {
    for (size_t there = 0; there < sizeof(struct timespec); there++) {
        char* at = before_the_end(there);
        memset(at, 0, there);
        CHECK_ERRNO(syscall(SYS_nanosleep, at, NULL), EFAULT);
    }
    CHECK_EQ(syscall(SYS_nanosleep, memset(before_the_end(16), 0, 16), NULL), 0);
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_nanosleep, kNowhere[i], NULL), EFAULT);
        CHECK_ERRNO(syscall(SYS_nanosleep, kNowhere[i] - 8, NULL), EFAULT);
    }
}

/* And out. */
static void structures_out(void) {
    for (size_t there = 0; there < sizeof(struct stat); there += 3) {
        CHECK_ERRNO(syscall(SYS_fstat, 0, before_the_end(there)), EFAULT);
    }
    CHECK_EQ(syscall(SYS_fstat, 0, before_the_end(sizeof(struct stat))), 0);
    for (size_t there = 0; there < 8; there++) {
        CHECK_ERRNO(syscall(SYS_pipe, before_the_end(there)), EFAULT);
    }
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_fstat, 0, kNowhere[i]), EFAULT);
        CHECK_ERRNO(syscall(SYS_clock_getres, 0, kNowhere[i] - 8), EFAULT);
    }
    char* page = page_with(PROT_READ);
    CHECK_ERRNO(syscall(SYS_clock_getres, 0, page), EFAULT);
    CHECK_EQ(page[0], 0);
}

/* Any length: for each distance to the end, and each alignment, as much as there is. */
static void buffers_in(void) {
    int fd = open("f", O_CREAT | O_RDWR, 0644);
    NEED(fd >= 0);
    for (size_t there = 1; there < 40; there++) {
        char* at = before_the_end(there);
        for (size_t i = 0; i < there; i++) at[i] = (char)('a' + i);
        NEED(ftruncate(fd, 0) == 0);
        CHECK_EQ(pwrite(fd, at, 100, 0), there);
        char back[100];
        CHECK_EQ(pread(fd, back, 100, 0), there);
        CHECK(memcmp(back, at, there) == 0);
    }
    CHECK_ERRNO(pwrite(fd, before_the_end(0), 1, 0), EFAULT);
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_pwrite64, fd, kNowhere[i], 100, 0), EFAULT);
    }
    CHECK_ERRNO(syscall(SYS_pwrite64, fd, page_with(PROT_NONE), 100, 0), EFAULT);
}

static void buffers_out(void) {
    char data[100];
    for (unsigned i = 0; i < sizeof data; i++) data[i] = (char)(i + 1);
    write_file("f", data, sizeof data, 0644);
    int fd = open("f", O_RDONLY);
    for (size_t there = 1; there < 40; there++) {
        char* at = before_the_end(there + 8);
        memset(at, 0x55, there + 8);
        CHECK_EQ(pread(fd, at + 8, 100, 0), there);
        CHECK(memcmp(at + 8, data, there) == 0);
        CHECK_EQ(at[7], 0x55);
    }
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_pread64, fd, kNowhere[i], 100, 0), EFAULT);
    }
    CHECK_ERRNO(syscall(SYS_pread64, fd, page_with(PROT_READ), 100, 0), EFAULT);
}

/* Zeros, which are not copied but stored. */
static void zeros(void) {
    int fd = open("/dev/zero", O_RDONLY);
    NEED(fd >= 0);
    for (size_t there = 1; there < 40; there++) {
        char* at = before_the_end(there + 1);
        memset(at, 0x55, there + 1);
        CHECK_EQ(read(fd, at + 1, 5000), there);
        CHECK_EQ(at[0], 0x55);
        for (size_t i = 1; i <= there; i++) CHECK_EQ(at[i], 0);
    }
    CHECK_ERRNO(syscall(SYS_read, fd, page_with(PROT_READ), 100), EFAULT);
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_read, fd, kNowhere[i], 100), EFAULT);
    }
}

/* A string may end with the last byte there is, and not later. */
static void strings(void) {
    for (size_t length = 1; length < 80; length++) {
        char* at = before_the_end(length + 1);
        memset(at, 'n', length);
        at[length] = 0;
        CHECK_ERRNO(syscall(SYS_open, at, O_RDONLY), ENOENT);
        at[length] = 'n';
        CHECK_ERRNO(syscall(SYS_open, at, O_RDONLY), EFAULT);
    }
    char* long_one = before_the_end(PAGE);
    memset(long_one, 'n', PAGE);
    CHECK_ERRNO(syscall(SYS_open, long_one, O_RDONLY), ENAMETOOLONG);
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_open, kNowhere[i], O_RDONLY), EFAULT);
        char* list[2] = {(char*)kNowhere[i], NULL};
        CHECK_ERRNO(syscall(SYS_execve, "/proc/self/exe", list, NULL), EFAULT);
        CHECK_ERRNO(syscall(SYS_execve, "/proc/self/exe", kNowhere[i], NULL), EFAULT);
    }
}

/* Words that are read and exchanged where they are. */
static void futex_words(void) {
    uint32_t word = 0;
    uint32_t* const read_only = (uint32_t*)page_with(PROT_READ);
    const long add_one = 1 << 28 | 1 << 12; /* FUTEX_OP_ADD 1 */
    CHECK_ERRNO(syscall(SYS_futex, unmapped_page(), FUTEX_WAIT_, 0, NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_futex, page_with(PROT_NONE), FUTEX_WAIT_, 0, NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_futex, (char*)&word + 1, FUTEX_WAIT_, 0, NULL), EINVAL);
    CHECK_EQ(syscall(SYS_futex, &word, FUTEX_WAKE_OP_, 1, 1, &word, add_one), 0);
    CHECK_EQ(word, 1);
    CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAKE_OP_, 1, 1, read_only, add_one), EFAULT);
    CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAKE_OP_, 1, 1, unmapped_page(), add_one), EFAULT);
    CHECK_EQ(*read_only, 0);
    for (unsigned i = 0; i < COUNT_OF(kNowhere); i++) {
        CHECK_ERRNO(syscall(SYS_futex, kNowhere[i] & ~3ul, FUTEX_WAIT_, 0, NULL), EFAULT);
        CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAKE_OP_, 1, 1, kNowhere[i] & ~3ul, add_one),
                    EFAULT);
    }
}

/* Lists of which a later piece is bad: what came before counts. */
static void vectors(void) {
    char good[10];
    int fd = open("/dev/zero", O_RDONLY);
    for (size_t there = 0; there < 20; there += 3) {
        struct iovec pieces[3] = {{good, sizeof good}, {before_the_end(there), 50}, {good, 1}};
        CHECK_EQ(readv(fd, pieces, 3), sizeof good + there);
    }
    for (size_t there = 0; there < 2 * sizeof(struct iovec); there++) {
        char* at = before_the_end(there);
        memset(at, 0, there);
        CHECK_ERRNO(syscall(SYS_readv, fd, at, 2), EFAULT);
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(structures_in), CASE(structures_out),
                                          CASE(buffers_in), CASE(buffers_out), CASE(zeros),
                                          CASE(strings), CASE(futex_words), CASE(vectors), END});
}
