/* The supervisor. Its last line is "fuzz: N calls, M workers, L leaks". */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static int usage(void) {
    fputs(
        "fuzz: system calls with bad arguments\n"
        "  -s SEED     repeat the run of this seed (default: 1)\n"
        "  -n CALLS    how many in all (default: 100000)\n"
        "  -b CALLS    of one thread of a worker (default: 3000)\n"
        "  -t THREADS  of a worker, up to 8 (default: 4)\n"
        "  -f FIRST    begin with this worker: repeats what one did\n"
        "  -c NUMBER   make this call only\n"
        "  -v          say which calls were made\n",
        stderr);
    return 2;
}

static int remove_one(const char* path, const struct stat* about, int type, struct FTW* walk) {
    (void)about, (void)type, (void)walk;
    if (remove(path)) printf("fuzz: %s: %s\n", path, strerror(errno));
    return 0;
}

/* In a process of its own: a deep tree costs memory, which must not look like the kernel's. */
static void remove_tree(const char* folder) {
    const pid_t remover = fork();
    if (remover == 0) _exit(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0);
    while (waitpid(remover, NULL, 0) != remover && errno == EINTR) continue;
}

static uint64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Takes notice of all that has ended; true when the worker is among it. Threads may have made us
 * their tracer: then they stop, and are let go, and nobody but us can bury them. */
static bool reap(pid_t worker, int* status) {
    bool found = false;
    int each;
    for (pid_t pid; (pid = waitpid(-1, &each, WNOHANG | __WALL)) > 0;) {
        if (WIFSTOPPED(each)) {
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
        } else if (pid == worker) {
            found = true;
            *status = each;
        }
    }
    return found;
}

/* Forks a worker and waits for its end: its own, or ours once it has not moved for two seconds. */
static uint64_t run_worker(const struct plan* plan, struct board* board, unsigned number) {
    memset(board, 0, offsetof(struct board, made));
    char folder[64];
    snprintf(folder, sizeof folder, "/run/fuzz/%u", number);
    mkdir(folder, 0777);
    chmod(folder, 0777);
    const pid_t worker = fork();
    if (worker < 0) return perror("fuzz: fork"), 0;
    if (worker == 0) {
        if (chdir(folder)) _exit(3);
        work(plan, board);
    }
    uint64_t made = 0, moved = now_ms();
    for (int status;;) {
        if (reap(worker, &status)) {
            board->ends[WIFSIGNALED(status) ? WTERMSIG(status) & 63 : 0]++;
            break;
        }
        uint64_t sum = 0;
        for (unsigned i = 0; i < plan->threads; i++) sum += board->calls[i];
        if (sum != made) made = sum, moved = now_ms();
        if (now_ms() - moved > 2000) {
            board->ends[64]++;
            kill(worker, SIGKILL);
            while (!reap(worker, &status)) nanosleep(&(struct timespec){0, 1000000}, NULL);
            break;
        }
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    made = 0;
    for (unsigned i = 0; i < plan->threads; i++) made += board->calls[i];
    kill_stragglers();
    (void)reap(-1, &(int){0});
    remove_tree(folder);
    return made;
}

struct options {
    uint64_t seed, calls, batch;
    unsigned threads, first;
    int only;
    bool verbose;
};

static bool parse(int argc, char** argv, struct options* options) {
    *options =
        (struct options){.seed = 1, .calls = 100000, .batch = 3000, .threads = 4, .only = -1};
    for (int option; (option = getopt(argc, argv, "s:n:b:t:f:c:v")) != -1;) {
        switch (option) {
        case 's': options->seed = strtoull(optarg, NULL, 0); break;
        case 'n': options->calls = strtoull(optarg, NULL, 0); break;
        case 'b': options->batch = strtoull(optarg, NULL, 0); break;
        case 't': options->threads = (unsigned)atoi(optarg); break;
        case 'f': options->first = (unsigned)atoi(optarg); break;
        case 'c': options->only = atoi(optarg); break;
        case 'v': options->verbose = true; break;
        default: return false;
        }
    }
    return optind == argc && options->threads > 0 && options->threads <= MAX_THREADS;
}

/* The first workers only warm up: what the kernel then keeps for good is not a leak. */
#define WARM_UP 2

/* Runs workers until the calls are made; the number of leaks. */
static int run(const struct options* options, struct board* board) {
    uint64_t made = 0;
    uint32_t results[4] = {0};
    unsigned number = 0;
    for (; made < options->calls || number <= WARM_UP; number++) {
        if (number == WARM_UP) remember_holdings(), made = 0;
        const unsigned which = options->first + number;
        const struct plan plan = {.seed = options->seed * 1000003 + which,
                                  .calls = options->batch,
                                  .threads = options->threads,
                                  .systematic = number < 2 * WARM_UP,
                                  .root = which % 4 == 1,
                                  .only = options->only};
        made += run_worker(&plan, board, which);
        for (unsigned i = 0; i < 4; i++) results[i] += board->results[i];
        if (number % 16 == 0) {
            printf("fuzz: %llu calls, worker %u\n", (unsigned long long)made, which);
            fflush(stdout);
        }
    }
    rmdir("/run/fuzz");
    const int leaks = report_leaks();
    for (unsigned i = 0; i < 65; i++) {
        const char* const how = i == 0 ? "came to their end" : i == 64 ? "hung" : strsignal((int)i);
        if (board->ends[i]) printf("workers: %u: %s\n", board->ends[i], how);
    }
    for (unsigned i = 0; options->verbose && i < CALL_NUMBERS; i++) {
        if (board->made[i]) printf("call %u: %u\n", i, board->made[i]);
        if (board->made_386[i]) printf("call %u of i386: %u\n", i, board->made_386[i]);
    }
    printf("fuzz: %u succeeded, %u EFAULT, %u ENOSYS, %u other errors\n", results[0], results[1],
           results[2], results[3]);
    printf("fuzz: %llu calls, %u workers, %d leaks\n", (unsigned long long)made, number, leaks);
    return leaks;
}

int main(int argc, char** argv) {
    if (argc == 0) return 0; /* a worker's execve of /proc/self/exe */
    struct options options;
    if (!parse(argc, argv, &options) || getuid() != 0) return usage();
    /* As root it destroys what it is run on: never a system that somebody needs. */
    if (!is_vitrine()) return fputs("fuzz: this is not Vitrine\n", stderr), 2;
    struct board* const board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) return perror("fuzz: mmap"), 1;
    umask(0);
    mkdir("/run/fuzz", 0755);
    use_what_is_kept();
    return run(&options, board) != 0;
}
