/* The supervisor's part. */
#include "stress/supervisor.h"

#include "stress/tell.h"

#define BEAT_NS 100000000
/* A worker that did nothing during so many of the supervisor's own turns hangs. Turns, since a
 * clock also runs while the machine that emulates ours has no time for it. */
#define PATIENCE 300

struct worker {
    struct work work;
    pid_t pid; /* 0: has ended */
    uint64_t seen;
    unsigned still; /* for so many turns */
};
static struct worker worker[MAX_WORKERS];
static unsigned workers;

static struct shared {
    volatile int stop;
    struct board board[MAX_WORKERS];
} * shared;

static struct sums done[MAX_WORKERS]; /* by workers that ended */
static const char* done_by[MAX_WORKERS];
static unsigned ended;

bool lay_boards(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED;
}

void start_worker(const struct kind* kind, unsigned number, uint64_t seed, uint64_t first,
                  uint64_t rounds) {
    if (workers == MAX_WORKERS) return;
    struct worker* const new = &worker[workers];
    struct board* const board = &shared->board[workers];
    memset(board, 0, sizeof *board);
    board->round = first;
    *new = (struct worker){.work = {kind, number, seed, first, rounds, &shared->stop, board}};
    workers++;
    fflush(stdout);
    new->pid = fork();
    if (new->pid == 0) {
        setpgid(0, 0); /* so that all of it can be killed at once */
        work(&new->work);
    }
    if (new->pid > 0) setpgid(new->pid, new->pid);
    if (new->pid < 0) perror("stress: fork"), exit(1);
}

/* How to do again what went wrong. */
static void accuse(const struct worker* of, const char* what) {
    printf("stress: FAILED: %s %u, round %llu: %s\n", of->work.kind->name, of->work.number,
           (unsigned long long)of->work.board->round, what);
    printf("stress: repeat: stress -s %llu -o %s -r %llu\n", (unsigned long long)of->work.seed,
           of->work.kind->name, (unsigned long long)of->work.board->round);
}

/* Takes notice of a worker that has ended; true when it should not have. */
static bool bury(struct worker* dead, int status) {
    const struct board* const board = dead->work.board;
    dead->pid = 0;
    if (status == 0 && !board->failed) return false;
    char how[64];
    snprintf(how, sizeof how, "ended with status %#x", (unsigned)status);
    accuse(dead, board->failed ? board->complaint : how);
    return true;
}

/* One look at each worker; the number that went wrong. */
static unsigned look(void) {
    unsigned wrong = 0;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (unsigned i = 0; i < workers; i++) {
            if (worker[i].pid == pid) wrong += bury(&worker[i], status);
        }
    }
    for (unsigned i = 0; i < workers; i++) {
        struct worker* const each = &worker[i];
        const struct board* const board = each->work.board;
        if (each->pid == 0) continue;
        each->still = board->operations == each->seen ? each->still + 1 : 0;
        each->seen = board->operations;
        if (board->failed) {
            accuse(each, board->complaint);
            wrong++;
        } else if (each->still > PATIENCE) {
            accuse(each, "hangs");
            tell_group(each->pid);
            wrong++;
        }
    }
    return wrong;
}

static unsigned alive(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < workers; i++) count += worker[i].pid != 0;
    return count;
}

/* Ends what is left at once. */
static void kill_all(void) {
    for (unsigned i = 0; i < workers; i++) {
        if (worker[i].pid == 0) continue;
        kill(-worker[i].pid, SIGKILL);
        waitpid(worker[i].pid, NULL, 0);
        worker[i].pid = 0;
    }
}

static uint64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static uint64_t operations(void) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < workers; i++) sum += shared->board[i].operations;
    return sum;
}

static void tell_progress(uint64_t passed, uint64_t of) {
    if (of == WARM_UP) {
        puts("stress: warming up");
    } else {
        printf("stress: %llu operations after %llu s\n", (unsigned long long)operations(),
               (unsigned long long)passed);
    }
    fflush(stdout);
}

unsigned supervise(uint64_t seconds) {
    const uint64_t began = now_ms();
    unsigned wrong = 0;
    shared->stop = 0;
    for (uint64_t told = 0; wrong == 0 && alive() > 0;) {
        nanosleep(&(struct timespec){0, BEAT_NS}, NULL);
        const uint64_t passed = (now_ms() - began) / 1000;
        if (passed >= seconds) shared->stop = 1;
        if (passed != told) tell_progress(passed, seconds);
        told = passed;
        wrong = look();
    }
    kill_all();
    for (unsigned i = 0; i < workers && ended < MAX_WORKERS; i++, ended++) {
        const struct work* const work = &worker[i].work;
        done[ended] = (struct sums){work->board->operations, work->board->round - work->first + 1};
        done_by[ended] = work->kind->name;
    }
    workers = 0;
    return wrong;
}

struct sums tell_sums(void) {
    struct sums all = {0};
    for (unsigned i = 0; i < ended; i++) {
        struct sums own = {0};
        bool first = true;
        for (unsigned k = 0; k < ended; k++) {
            if (done_by[k] != done_by[i]) continue;
            first &= k >= i;
            own.operations += done[k].operations;
            own.rounds += done[k].rounds;
        }
        if (!first) continue;
        printf("%13s  %10llu operations in %llu rounds\n", done_by[i],
               (unsigned long long)own.operations, (unsigned long long)own.rounds);
        all.operations += own.operations;
        all.rounds += own.rounds;
    }
    return all;
}
