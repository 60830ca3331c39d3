/* Memory bombs of a user who has no rights: everything that limits allow, and areas without end. */
#include "hostile/hostile.h"

#include <grp.h>
#include <sys/resource.h>

#define USER 47112
#define MIB (1 << 20)

static void become_user(void) {
    if (getuid() != 0) return;
    DEMAND(setgroups(0, NULL) == 0 && setgid(USER) == 0 && setuid(USER) == 0);
}

static void limit(int what, rlim_t most) {
    DEMAND(setrlimit(what, &(struct rlimit){most, most}) == 0);
}

/* Runs `what` as the user; its wait status. */
static int as_user(void (*what)(void)) {
    const pid_t child = fork();
    DEMAND(child >= 0);
    if (child == 0) {
        become_user();
        what();
        _exit(0);
    }
    int status = -1;
    DEMAND_EQUAL(waitpid(child, &status, 0), child);
    return status;
}

static void* get(size_t bytes) {
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Touches all that it gets; then there is no more, and what it has still works. */
static void until_refused(rlim_t most) {
    size_t got = 0;
    char* last = NULL;
    for (char* at; (at = get(MIB)) != MAP_FAILED; got += MIB) {
        memset(at, 1, MIB);
        last = at;
        DEMAND(got <= most);
    }
    DEMAND(errno == ENOMEM && last && last[MIB - 1] == 1);
    DEMAND(munmap(last, MIB) == 0 && get(MIB) != MAP_FAILED);
    DEMAND(get((size_t)1 << 46) == MAP_FAILED && errno == ENOMEM);
}

static void by_address_space(void) {
    limit(RLIMIT_AS, 24 * MIB);
    until_refused(24 * MIB);
}
static void by_data(void) {
    limit(RLIMIT_DATA, 16 * MIB);
    until_refused(16 * MIB);
}

static void by_locking(void) {
    limit(RLIMIT_MEMLOCK, 64 * 1024);
    char* const at = get(MIB);
    DEMAND(at != MAP_FAILED);
    DEMAND(mlock(at, MIB) == -1 && (errno == ENOMEM || errno == EPERM));
    DEMAND(mlock(at, 32 * 1024) == 0);
    DEMAND(mlock(at + MIB / 2, 64 * 1024) == -1);
    DEMAND(mlockall(MCL_CURRENT) == -1);
}

static volatile long deepest = -1;
static long recurse(long depth) {
    volatile char room[4096];
    room[depth % 4096] = 1;
    return depth == deepest ? 0 : recurse(depth + 1) + room[depth % 4096];
}
static void by_stack(void) {
    limit(RLIMIT_STACK, MIB);
    limit(RLIMIT_CORE, 0);
    recurse(0);
}

/* SIZE users one after the other. */
void limits(long size) {
    for (long i = 0; i < size; i++) {
        DEMAND_EQUAL(as_user(by_address_space), 0);
        DEMAND_EQUAL(as_user(by_data), 0);
        DEMAND_EQUAL(as_user(by_locking), 0);
        DEMAND_EQUAL(as_user(by_stack) & 0x7f, SIGSEGV);
    }
}

static long wanted_areas;

/* Each second page becomes an area of its own, until the limit; then three go, and two may come. */
static void split(void) {
    const size_t bytes = (size_t)wanted_areas * 2 * 4096;
    char* const at =
        mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    DEMAND(at != MAP_FAILED);
    long made = 0;
    while (made < wanted_areas && mprotect(at + made * 8192, 4096, PROT_NONE) == 0) made++;
    if (made == wanted_areas) return;
    DEMAND(errno == ENOMEM && made > 10000);
    DEMAND(mprotect(at + made * 8192, 4096, PROT_NONE) == -1 && errno == ENOMEM);
    DEMAND(munmap(at + made * 8192 + 4096, 4096) == -1 && errno == ENOMEM); /* it would be two */
    DEMAND(mprotect(at, 4 * 4096, PROT_READ) == 0);
    DEMAND(mprotect(at + made * 8192, 4096, PROT_NONE) == 0);
    DEMAND(munmap(at, bytes) == 0);
    DEMAND(get(4096) != MAP_FAILED);
}

/* A process of a user wants 2 * SIZE areas. */
void areas(long size) {
    wanted_areas = size;
    DEMAND_EQUAL(as_user(split), 0);
}
