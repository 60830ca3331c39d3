/* mmap and its relatives, page faults, the heap. */
#include "tests/check.h"

#include <setjmp.h>
#include <sys/resource.h>

static sigjmp_buf back;
static void fault(int signal) { siglongjmp(back, signal); }

/* The signal that touching `at` raises, or 0. */
static int touch(volatile char* at, int write) {
    struct sigaction action = {.sa_handler = fault};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    int signal = sigsetjmp(back, 1);
    if (signal) return signal;
    char seen = *at;
    if (write) *at = seen;
    return 0;
}

static char* anonymous(size_t pages, int protection) {
    char* at = mmap(NULL, pages * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    return at;
}

static void zeroed(void) {
    char* at = anonymous(16, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 16 * 4096; i += 64) NEED(at[i] == 0);
    memset(at, 1, 16 * 4096);
    CHECK(munmap(at, 16 * 4096) == 0);
    CHECK_EQ(touch(at, 0), SIGSEGV);
    CHECK_EQ(touch((char*)8, 0), SIGSEGV);
    CHECK_EQ(touch((char*)0xffff888000000000, 0), SIGSEGV);
    CHECK_EQ(touch((char*)0x0000800000000000, 0), SIGSEGV); /* not canonical */
}

static void arguments(void) {
    CHECK_ERRNO((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO((long)mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO((long)syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
    CHECK_ERRNO((long)syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 100),
                EINVAL);
    CHECK_ERRNO(
        (long)syscall(SYS_mmap, 0, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        ENOMEM);
    CHECK_ERRNO((long)syscall(SYS_mmap, 0, -1ul, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                ENOMEM);
    CHECK_ERRNO(munmap((void*)1, 4096), EINVAL);
    CHECK_ERRNO(munmap((void*)4096, 0), EINVAL);
    CHECK_ERRNO(munmap((void*)0x7ffffffff000, 8192), EINVAL);
    CHECK_ERRNO(syscall(SYS_mprotect, 1, 4096, PROT_READ), EINVAL);
    CHECK_ERRNO(mprotect(unmapped_page(), 4096, PROT_READ), ENOMEM);
    write_file("f", "x", 1, 0644);
    int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
    CHECK_ERRNO((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    CHECK_ERRNO((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, writer, 0), EACCES);
    char* fixed = anonymous(1, PROT_READ);
    CHECK_ERRNO((long)mmap(fixed, 4096, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
                EEXIST);
    CHECK_ERRNO(
        (long)mmap(fixed + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
        EINVAL);
}

static void protection(void) {
    char* at = anonymous(5, PROT_READ | PROT_WRITE);
    memset(at, 7, 5 * 4096);
    CHECK(mprotect(at + 4096, 3 * 4096, PROT_READ) == 0);
    CHECK(mprotect(at + 2 * 4096, 4096, PROT_NONE) == 0);
    static const int reads[] = {0, 0, SIGSEGV, 0, 0}, writes[] = {0, SIGSEGV, SIGSEGV, SIGSEGV, 0};
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(touch(at + i * 4096, 0), reads[i]);
        CHECK_EQ(touch(at + i * 4096, 1), writes[i]);
    }
    CHECK(mprotect(at, 5 * 4096, PROT_READ | PROT_WRITE) == 0);
    for (int i = 0; i < 5 * 4096; i++) NEED(at[i] == 7); /* contents survived */
    CHECK(munmap(at + 4096, 4096) == 0);                 /* a hole in the middle */
    CHECK_EQ(touch(at, 1), 0);
    CHECK_EQ(touch(at + 4096, 0), SIGSEGV);
    CHECK_EQ(touch(at + 8192, 1), 0);
    CHECK_ERRNO(mprotect(at, 5 * 4096, PROT_READ), ENOMEM); /* the hole */
}

static void execution(void) {
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    char* at = anonymous(1, PROT_READ | PROT_WRITE);
    memcpy(at, code, sizeof code);
    CHECK(mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0);
    CHECK_EQ(((int (*)(void))at)(), 42);
    CHECK_EQ(touch(at, 1), SIGSEGV);
}

static void files(void) {
    char text[8192], room[8];
    memset(text, 'a', sizeof text);
    write_file("f", text, 5000, 0644);
    int fd = open("f", O_RDWR);
    char* private = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char* shared = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(private != MAP_FAILED && shared != MAP_FAILED);
    CHECK(private[4999] == 'a' && private[5000] == 0 && private[8191] == 0);
    CHECK_EQ(touch(private + 8192, 0), SIGBUS); /* wholly beyond the end */
    CHECK_EQ(touch(shared + 8192, 0), SIGBUS);
    private[0] = 'p';
    CHECK(shared[0] == 'a');
    shared[1] = 's';
    CHECK_EQ(pread(fd, room, 2, 0), 2);
    CHECK(memcmp(room, "as", 2) == 0);
    CHECK_EQ(pwrite(fd, "w", 1, 2), 1);
    CHECK(shared[2] == 'w');
    CHECK(msync(shared, 4096, MS_SYNC) == 0);
    CHECK(ftruncate(fd, 100) == 0);
    CHECK_EQ(touch(shared + 4096, 0), SIGBUS); /* cut off while mapped */
    CHECK(ftruncate(fd, 8192) == 0);
    CHECK(shared[99] == 'a' && shared[100] == 0 && shared[4096] == 0);
    close(fd);
    shared[50] = 'Z'; /* the mapping keeps the file */
    fd = open("f", O_RDONLY);
    CHECK(pread(fd, room, 1, 50) == 1 && room[0] == 'Z');
    CHECK_ERRNO((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(".", O_RDONLY), 0), ENODEV);
}

static void heap(void) {
    char* start = sbrk(0);
    NEED(start != (void*)-1);
    char* now = (char*)syscall(SYS_brk, start + 100000);
    CHECK(now == start + 100000);
    for (int i = 0; i < 100000; i += 512) NEED(start[i] == 0);
    memset(start, 'h', 100000);
    CHECK((char*)syscall(SYS_brk, start) == start);
    CHECK_EQ(touch((char*)(((uintptr_t)start + 4095) & -4096ul), 0), SIGSEGV);
    CHECK((char*)syscall(SYS_brk, start + 8192) == start + 8192);
    CHECK(((char*)(((uintptr_t)start + 4095) & -4096ul))[0] == 0); /* given back, so zero again */
    CHECK((char*)syscall(SYS_brk, 1) == start + 8192);             /* refused */
}

static void moving(void) {
    char* at = anonymous(4, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4; i++) at[i * 4096] = (char)('0' + i);
    char* grown = mremap(at, 4 * 4096, 64 * 4096, MREMAP_MAYMOVE);
    NEED(grown != MAP_FAILED);
    for (int i = 0; i < 4; i++) CHECK(grown[i * 4096] == '0' + i);
    CHECK(grown[63 * 4096] == 0);
    CHECK(mremap(grown, 64 * 4096, 4096, 0) == grown);
    CHECK_EQ(touch(grown + 4096, 0), SIGSEGV);
    CHECK_ERRNO((long)mremap(unmapped_page(), 4096, 8192, MREMAP_MAYMOVE), EFAULT);
    CHECK(madvise(grown, 4096, MADV_DONTNEED) == 0);
    CHECK(grown[0] == 0);
}

static int deep(int levels) {
    volatile char frame[4096];
    frame[0] = (char)levels;
    return levels == 0 ? 0 : deep(levels - 1) + (frame[0] != (char)levels);
}
static void endless(void) { deep(1 << 30); }
static void stack(void) {
    CHECK_EQ(deep(1000), 0); /* 4 MB of the 8 that are allowed */
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    CHECK_KILLED(in_child(endless), SIGSEGV);
}

static void many_areas(void) {
    enum { kAreas = 400 };
    char* at = anonymous(2 * kAreas, PROT_READ | PROT_WRITE);
    for (int i = 0; i < kAreas; i++) NEED(munmap(at + (2 * i + 1) * 4096, 4096) == 0);
    for (int i = 0; i < kAreas; i++) NEED(touch(at + 2 * i * 4096, 1) == 0);
    CHECK(munmap(at, 2 * kAreas * 4096) == 0); /* holes do not matter */
    for (int i = 0; i < kAreas; i++) NEED(touch(at + 2 * i * 4096, 0) == SIGSEGV);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(zeroed), CASE(arguments), CASE(protection),
                                          CASE(execution), CASE(files), CASE(heap), CASE(moving),
                                          CASE(stack), CASE(many_areas), END});
}
