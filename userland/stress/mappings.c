/* Memory that comes and goes in several threads of one address space, and is shared by copy on
 * write with children: each page keeps what its owner wrote. */
#include "stress/stress.h"

#include <pthread.h>

#define THREADS 4
#define PAGES 24
#define SIZE 4096ul

struct part {
    pthread_t thread;
    struct chance from;
};

static void fill(char* at, unsigned pages, uint64_t mark) {
    for (unsigned i = 0; i < pages; i++) *(uint64_t*)(at + i * SIZE) = mark + i;
}
static void verify(const char* at, unsigned pages, uint64_t mark) {
    for (unsigned i = 0; i < pages; i++) DEMAND_EQUAL(*(const uint64_t*)(at + i * SIZE), mark + i);
}

/* A child changes its copy; ours stays. */
static void fork_over(char* at, unsigned pages, uint64_t mark) {
    const pid_t child = fork_child();
    if (child == 0) {
        verify(at, pages, mark);
        fill(at, pages, ~mark);
        verify(at, pages, ~mark);
        _exit(0);
    }
    verify(at, pages, mark);
    int status = 0;
    DEMAND_EQUAL(waitpid(child, &status, 0), child);
    DEMAND_EQUAL(status, 0);
}

static void* map_and_unmap(void* argument) {
    struct chance* const from = &((struct part*)argument)->from;
    for (unsigned i = 5 + below(from, 20); i > 0; i--) {
        const unsigned pages = 2 + below(from, PAGES);
        const uint64_t mark = draw(from);
        char* at =
            mmap(NULL, pages * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        DEMAND(at != MAP_FAILED);
        DEMAND_EQUAL(*(uint64_t*)(at + (pages - 1) * SIZE), 0);
        fill(at, pages, mark);
        if (below(from, 3) == 0) DEMAND(mprotect(at, pages * SIZE, PROT_READ) == 0);
        verify(at, pages, mark);
        DEMAND(mprotect(at, pages * SIZE, PROT_READ | PROT_WRITE) == 0);
        if (below(from, 4) == 0) {
            at = mremap(at, pages * SIZE, 2 * pages * SIZE, MREMAP_MAYMOVE);
            DEMAND(at != MAP_FAILED);
            DEMAND(munmap(at + pages * SIZE, pages * SIZE) == 0);
        }
        if (below(from, 8) == 0) fork_over(at, pages, mark);
        const unsigned hole = below(from, pages);
        DEMAND(munmap(at + hole * SIZE, SIZE) == 0);
        verify(at, hole, mark);
        verify(at + (hole + 1) * SIZE, pages - hole - 1, mark + hole + 1);
        /* The hole may be another thread's by now. */
        DEMAND(hole == 0 || munmap(at, hole * SIZE) == 0);
        const unsigned rest = pages - hole - 1;
        DEMAND(rest == 0 || munmap(at + (hole + 1) * SIZE, rest * SIZE) == 0);
        did(1);
    }
    return NULL;
}

static void mappings_round(struct chance* from) {
    struct part part[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        part[i].from.state = draw(from);
        DEMAND_EQUAL(pthread_create(&part[i].thread, NULL, map_and_unmap, &part[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) DEMAND_EQUAL(pthread_join(part[i].thread, NULL), 0);
}

const struct kind kMappings = {"mappings", mappings_round,
                               "mmap, mremap, mprotect, munmap and copy on write in threads"};
