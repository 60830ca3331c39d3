/* A worker: its rounds, and what they use. */
#include "stress/stress.h"

#include <sched.h>
#include <sys/resource.h>

struct board* own_board;
static cpu_set_t allowed;

void did(unsigned operations) {
    __atomic_add_fetch(&own_board->operations, operations, __ATOMIC_RELAXED);
}

_Noreturn void lost(const char* file, int line, const char* what, long got, long wanted) {
    if (!__atomic_exchange_n(&own_board->failed, 1, __ATOMIC_SEQ_CST)) {
        snprintf(own_board->complaint, sizeof own_board->complaint, "%s:%d: %s: %ld, not %ld", file,
                 line, what, got, wanted);
    }
    _exit(1);
}

pid_t fork_child(void) {
    const pid_t child = fork();
    DEMAND(child >= 0);
    return child;
}

void expect_exit(pid_t child, int code) {
    int status = 0;
    pid_t found;
    while ((found = waitpid(child, &status, 0)) == -1 && errno == EINTR) continue;
    DEMAND_EQUAL(found, child);
    DEMAND_EQUAL(status, code << 8);
    did(1);
}

void* share(size_t bytes) {
    void* const memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    DEMAND(memory != MAP_FAILED);
    return memory;
}

int processor(unsigned i) {
    int skip = (int)(i % (unsigned)CPU_COUNT(&allowed));
    for (int at = 0;; at++) {
        if (CPU_ISSET(at, &allowed) && skip-- == 0) return at;
    }
}

_Noreturn void work(const struct work* work) {
    own_board = work->board;
    DEMAND(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    for (uint64_t i = 0; !*work->stop && (work->rounds == 0 || i < work->rounds); i++) {
        const uint64_t round = work->first + i;
        own_board->round = round;
        uint64_t name = 0;
        for (const char* at = work->kind->name; *at; at++) name = name * 31 + (unsigned char)*at;
        struct chance from = {work->seed + name * 1000003 + work->number};
        from.state = draw(&from) + round;
        work->kind->round(&from);
        did(1);
    }
    exit(0);
}
