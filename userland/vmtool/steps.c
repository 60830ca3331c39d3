/* Steps in memory: calls that change what is mapped, and accesses. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmtool/vmtool.h"

static volatile uint64_t* word_at(uint64_t at) { return (volatile uint64_t*)(uintptr_t)at; }

static uint64_t map(const struct order* order) {
    const int prot = (int)(order->value & 0xff), flags = (int)(order->value >> 8 & 0xffffffff);
    const int fd = flags & MAP_ANONYMOUS ? -1 : scratch;
    const off_t from = (off_t)(order->value >> 40) * PAGE_BYTES;
    void* const at = (void*)(uintptr_t)order->at;
    void* const got = mmap(at, order->n * PAGE_BYTES, prot, flags | MAP_FIXED, fd, from);
    return got == at ? 0 : REFUSED | (uint64_t)errno;
}

static uint64_t fill(volatile uint64_t* at, uint64_t words, uint64_t value) {
    for (uint64_t i = 0; i < words; i++) at[i] = value;
    return 0;
}

static uint64_t differing(volatile uint64_t* at, uint64_t words, uint64_t value) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < words; i++) count += at[i] != value;
    return count;
}

static uint64_t poke(const struct order* order) {
    const int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    if (fd < 0) return REFUSED | (uint64_t)errno;
    const ssize_t done = pwrite(fd, &order->value, sizeof order->value, (off_t)order->at);
    const uint64_t result = result_of(done);
    close(fd);
    return result;
}

/* Pipes of 16 pages each, all full at the same time. */
static uint64_t leave_junk(uint64_t pages, uint64_t value) {
    enum { PIPES = 64, PAGES = 16 };
    static uint64_t page[PAGE_WORDS];
    int ends[PIPES][2];
    unsigned pipes = 0;
    uint64_t result = pages <= PIPES * PAGES ? 0 : REFUSED | EINVAL;
    fill(page, PAGE_WORDS, value);
    for (uint64_t i = 0; i < pages && result == 0; i++) {
        if (i % PAGES == 0) {
            result = result_of(pipe2(ends[pipes], O_CLOEXEC));
            if (result != 0) break;
            pipes++;
        }
        const ssize_t written = write(ends[pipes - 1][1], page, PAGE_BYTES);
        if (written != PAGE_BYTES) result = REFUSED | EIO;
    }
    while (pipes-- > 0) {
        close(ends[pipes][0]);
        close(ends[pipes][1]);
    }
    return result;
}

/* Nobody is killed when memory is short, or whoever is chosen. */
static void spare_everybody(int on) {
    DIR* const processes = opendir("/proc");
    if (processes == NULL) _exit(3);
    for (struct dirent* entry; (entry = readdir(processes)) != NULL;) {
        char name[sizeof entry->d_name + sizeof "/proc//oom_score_adj"];
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        snprintf(name, sizeof name, "/proc/%s/oom_score_adj", entry->d_name);
        const int fd = open(name, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) dprintf(fd, on ? "-1000" : "0");
        close(fd);
    }
    closedir(processes);
}

/* Memory is short for as long as this takes, and not when it is done. */
static uint64_t squeeze(void* at, size_t bytes, size_t ballast) {
    spare_everybody(1);
    const uint64_t result = result_of(mlock(at, bytes));
    madvise((char*)at + bytes, ballast, MADV_DONTNEED);
    munlock(at, bytes);
    spare_everybody(0);
    return result;
}

uint64_t step_in_memory(const struct order* order) {
    void* const at = (void*)(uintptr_t)order->at;
    volatile uint64_t* const word = word_at(order->at);
    const size_t bytes = order->n * PAGE_BYTES;
    switch (order->what) {
    case MAP: return map(order);
    case UNMAP: return result_of(munmap(at, bytes));
    case PROTECT: return result_of(mprotect(at, bytes, (int)order->value));
    case ADVISE: return result_of(madvise(at, bytes, (int)order->value));
    case READ: return *word;
    case WRITE: *word = order->value; return 0;
    case FILL: return fill(word, order->n * PAGE_WORDS, order->value);
    case DIFFERS: return differing(word, order->n * PAGE_WORDS, order->value);
    case POKE: return poke(order);
    case JUNK: return leave_junk(order->n, order->value);
    case SQUEEZE: return squeeze(at, bytes, order->value * PAGE_BYTES);
    default: return REFUSED | EINVAL;
    }
}
