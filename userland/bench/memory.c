/// Mapping, unmapping, and the faults that give memory.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { kPage = 4096 };
static char* area;     // as many pages as will be touched
static unsigned next;  // the first page that nobody has touched yet

static char* map(size_t size) {
    char* const at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    madvise(at, size, MADV_NOHUGEPAGE);
    return at;
}

static void mmap_munmap_1p(unsigned count) {
    while (count-- > 0) {
        char* const at =
            mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) fail("mmap");
        *(volatile char*)at = 1;
        must_be(munmap(at, kPage), 0, "munmap");
    }
}

static void map_area(unsigned count) {
    area = map((size_t)count * kPage);
    next = 0;
}

static void touch(unsigned count) {
    while (count-- > 0) *(volatile char*)(area + (size_t)next++ * kPage) = 1;
}

/// The operation itself runs in a child, whose pages are all shared with this process.
static void share_area(unsigned count) {
    map_area(count);
    touch(count);
    next = 0;
    const int child = fork();
    if (child < 0) fail("fork");
    if (child > 0) {  // stays until the child has measured: the child is who is waited for
        int status;
        extern int wait(int*);
        wait(&status);
        _exit(status == 0 ? 0 : 1);
    }
}

static void brk_grow_touch(unsigned count) {
    while (count-- > 0) {
        char* const at = (char*)syscall(SYS_brk, 0);
        must_be(syscall(SYS_brk, at + kPage), (long)(at + kPage), "brk");
        *(volatile char*)at = 1;
    }
}

const Operation kMemoryOperations[] = {
    {"mmap_munmap_1p", 1000, mmap_munmap_1p, NULL},
    {"fault_anon_4k", 2000, touch, map_area},
    {"cow_fault", 2000, touch, share_area},
    {"brk_grow_touch", 1000, brk_grow_touch, NULL},
    {NULL, 0, NULL, NULL},
};
