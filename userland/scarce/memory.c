/* Address spaces. */
#include <sys/syscall.h>

#include "scarce/scarce.h"

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define MIB (1 << 20)

static char* anonymous(size_t bytes) { return TRIED_MAP(mmap(NULL, bytes, RW, PRIVATE, -1, 0)); }

static void touch_step(void) {
    char* const at = anonymous(16 * MIB);
    for (size_t i = 0; i < 16 * MIB; i += 2 * MIB) at[i] = 1;
    TRIED(munmap(at, 16 * MIB));
}

static void read_step(void) {
    volatile char* const at = anonymous(4 * MIB);
    char sum = 0;
    for (size_t i = 0; i < 4 * MIB; i += 2 * MIB) sum += at[i];
    for (size_t i = 0; i < 4 * MIB; i += 2 * MIB) at[i] = sum;
}

static void holes(void) {
    char* const at = anonymous(64 * 4096);
    memset(at, 1, 64 * 4096);
    for (size_t i = 1; i < 64; i += 8) TRIED(munmap(at + i * 4096, 4096));
    for (size_t i = 3; i < 64; i += 8) TRIED(mprotect(at + i * 4096, 2 * 4096, PROT_READ));
    TRIED(madvise(at + 5 * 4096, 4096, MADV_DONTNEED));
    TRIED(mprotect(at + 3 * 4096, 2 * 4096, RW));
    TRIED(mmap(at + 20 * 4096, 4096, PROT_READ, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
}

static void remap(void) {
    char* at = anonymous(8 * 4096);
    memset(at, 1, 8 * 4096);
    at = TRIED_MAP(mremap(at, 8 * 4096, 8 * MIB, MREMAP_MAYMOVE));
    char* const wanted = anonymous(16 * MIB);
    at = TRIED_MAP(mremap(at, 8 * MIB, 8 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, wanted + 4096));
    if (at[7 * 4096] != 1) abort();
    TRIED_MAP(mremap(at + 4096, 4096, 4 * 4096, MREMAP_MAYMOVE));
    TRIED_MAP(mremap(at + 8 * 4096, 8 * 4096, 4096, 0));
}

static void heap(void) {
    const long top = syscall(SYS_brk, 0), wanted = top + 4 * MIB;
    if (syscall(SYS_brk, wanted) != wanted) {
        errno = ENOMEM;
        TRIED(-1);
    }
    for (long at = top; at < wanted; at += MIB) *(char*)at = 1;
    TRIED(syscall(SYS_brk, top));
}

static void lock(void) {
    char* const at = anonymous(64 * 4096); /* each page is an allocation */
    TRIED(mlock(at, 32 * 4096));
    TRIED(munlock(at + 8 * 4096, 8 * 4096));
    TRIED(mlockall(MCL_CURRENT | MCL_FUTURE));
    TRIED(munlockall());
}

static void populate(void) { TRIED_MAP(mmap(NULL, 64 * 4096, RW, PRIVATE | MAP_POPULATE, -1, 0)); }

static void shared(void) {
    char* const at = TRIED_MAP(mmap(NULL, 4 * MIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < 4 * MIB; i += MIB) at[i] = 1;
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) {
        for (size_t i = 0; i < 4 * MIB; i += MIB) at[i + 4096] = 2;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    TRIED(msync(at, 4 * MIB, MS_SYNC));
    TRIED(madvise(at, 4 * MIB, MADV_DONTNEED));
    if (at[MIB] != 1) abort();
}

/* The errno of those that the kernel does not have ends the step, too. */
static void memory_file(void) {
    const int file = (int)TRIED(syscall(SYS_memfd_create, "scarce", 3));
    TRIED(ftruncate(file, 4 * MIB));
    char* const at = TRIED_MAP(mmap(NULL, 4 * MIB, RW, MAP_SHARED, file, 0));
    at[3 * MIB] = 1;
    TRIED(fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
}

static void map_file(void) {
    const int file = (int)TRIED(open("mapped", O_RDWR | O_CREAT, 0600));
    TRIED(ftruncate(file, MIB));
    char* const both = TRIED_MAP(mmap(NULL, MIB, RW, MAP_SHARED, file, 0));
    for (size_t i = 0; i < MIB; i += 65536) both[i] = 1;
    char* const own = TRIED_MAP(mmap(NULL, MIB, RW, MAP_PRIVATE, file, 0));
    for (size_t i = 0; i < MIB; i += 65536) own[i] += 1;
    TRIED(ftruncate(file, 65536));
    unsigned char present[256];
    TRIED(mincore(both, MIB, present));
}

static void stack(void) {
    volatile char room[512 * 1024];
    for (size_t i = sizeof room; i >= 4096; i -= 4096) room[i - 1] = 1;
}

static void segments(void) {
    struct {
        unsigned entry, base, limit, bits;
    } about = {0, 0x1000, 0xfff, 0x51};
    TRIED(syscall(SYS_modify_ldt, 1, &about, sizeof about));
}

const struct step kMemorySteps[] = {
    {"touch", touch_step},  {"read", read_step},    {"holes", holes},       {"mremap", remap},
    {"brk", heap},          {"mlock", lock},        {"populate", populate}, {"shared", shared},
    {"memfd", memory_file}, {"map-file", map_file}, {"stack", stack},       {"ldt", segments},
    {NULL, NULL},
};
