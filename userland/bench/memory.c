/// Mapping, unmapping, and the faults that give memory.
#include <fcntl.h>
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

static void look(unsigned count) {
    while (count-- > 0) (void)*(volatile char*)(area + (size_t)next++ * kPage);
}

/// A file whose pages are in the page cache, and not mapped yet.
static void map_file(unsigned count) {
    const int file = open("/file", O_RDWR | O_CREAT, 0600);
    static char page[kPage];
    for (unsigned i = 0; i < count; i++) must_be(write(file, page, kPage), kPage, "write");
    area = mmap(NULL, (size_t)count * kPage, PROT_READ, MAP_SHARED, file, 0);
    if (area == MAP_FAILED) fail("mmap");
    must_be(close(file), 0, "close");
    must_be(unlink("/file"), 0, "unlink");
    next = 0;
}

static void map_and_touch(unsigned count) {
    map_area(count);
    touch(count);
    next = 0;
}

/// All pages at once: the cost of one in a large area.
static void munmap_page(unsigned count) {
    must_be(munmap(area + (size_t)next * kPage, (size_t)count * kPage), 0, "munmap");
    next += count;
}

static void mmap_populate_page(unsigned count) {
    if (mmap(NULL, (size_t)count * kPage, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED) {
        fail("mmap");
    }
}

static void map_one(unsigned count) {
    (void)count;
    map_area(1);
    touch(1);
}
static void mprotect_pair(unsigned count) {
    while (count-- > 0) {
        must_be(mprotect(area, kPage, PROT_READ), 0, "mprotect");
        must_be(mprotect(area, kPage, PROT_READ | PROT_WRITE), 0, "mprotect");
    }
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
    {"fault_anon_read", 2000, look, map_area},
    {"mmap_populate_page", 2000, mmap_populate_page, NULL},
    {"munmap_page", 2000, munmap_page, map_and_touch},
    {"mprotect_pair", 1000, mprotect_pair, map_one},
    {"file_map_fault", 2000, look, map_file},
    {"cow_fault", 2000, touch, share_area},
    {"brk_grow_touch", 1000, brk_grow_touch, NULL},
    {NULL, 0, NULL, NULL},
};
