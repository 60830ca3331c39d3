/* hostile NAME SIZE: the last line is "hostile: NAME: done, L leaks". */
#include "hostile/hostile.h"

#include "holdings/holdings.h"

static const struct load {
    const char* name;
    void (*run)(long size);
    const char* what;
} kLoads[] = {
    {"bomb", bomb, "a user's processes fork without end: up to SIZE (0: the limit that is set)"},
    {"threads", threads, "SIZE threads at once"},
    {"chain", chain, "SIZE processes in a chain of pipes"},
    {"zombies", zombies, "SIZE children that nobody waits for"},
    {"execs", execs, "SIZE times, several threads call execve at once"},
    {"limits", limits, "SIZE times, a user takes all the memory that its limits allow"},
    {"areas", areas, "a user's process wants 2 * SIZE areas (more than 32765: is refused)"},
    {"unmapped", unmapped, "SIZE times, the page of a futex goes while threads wait on it"},
};
#define LOADS (sizeof kLoads / sizeof kLoads[0])

static int usage(void) {
    fputs("usage: hostile NAME SIZE\n", stderr);
    for (unsigned i = 0; i < LOADS; i++) {
        fprintf(stderr, "%10s  %s\n", kLoads[i].name, kLoads[i].what);
    }
    return 2;
}

/* In a child, so that what a process keeps of its own is not taken for the kernel's. */
static int run(const struct load* load, long size) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        load->run(size);
        exit(0);
    }
    int status = -1;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR) continue;
    if (status != 0) printf("hostile: %s: ended with status %#x\n", load->name, (unsigned)status);
    return status;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]); /* what execs.c executes */
    if (argc != 3) return usage();
    const struct load* load = kLoads;
    while (load < kLoads + LOADS && strcmp(load->name, argv[1]) != 0) load++;
    if (load == kLoads + LOADS) return usage();
    const bool judged = is_vitrine() && getuid() == 0;
    const long size = atol(argv[2]);
    /* Once to warm up: page tables of the kernel's own addresses stay. */
    if (judged && run(load, size) != 0) return 1;
    if (judged) remember_holdings();
    const int status = run(load, size);
    const int leaks = judged ? report_leaks() : 0;
    printf("hostile: %s: %s, %d leaks\n", load->name, status == 0 ? "done" : "failed", leaks);
    return status != 0 || leaks != 0;
}
