/* scarce [-o STEP] [-n N] [-r TIMES] [-e] [-c ROUNDS] [-v]; the last line is
 * "scarce: S steps, F failures, W wrong, L leaks". */
#include "holdings/holdings.h"
#include "scarce/outcome.h"
#include "scarce/scarce.h"

#define MOST 20000    /* a step that goes on failing for ever is wrong */
#define MOST_WRONG 10 /* of a step: it would go on like this */

static const struct step* const kTables[] = {kTaskSteps, kMemorySteps, kFileSteps, kWaitSteps,
                                             kShownSteps};
#define TABLES (sizeof kTables / sizeof kTables[0])

static struct {
    const char* only; /* step; null: all */
    long nth;         /* this one only; 0: all */
    long times;       /* each, so that what is lost once is more than the slack of counting */
    long rounds;      /* by chance instead of one after the other */
    bool each;        /* count after each n, to learn which */
    int verbose;
} options = {.times = 1};

static long steps, failures, wrong, leaks;

static int usage(void) {
    fputs("usage: scarce [-o STEP] [-n N] [-r TIMES] [-e] [-c ROUNDS] [-v]\n", stderr);
    for (unsigned i = 0; i < TABLES; i++) {
        for (const struct step* step = kTables[i]; step->name; step++) {
            fprintf(stderr, "  %s\n", step->name);
        }
    }
    return 2;
}

static void set(const char* file, const char* text) {
    char path[100];
    snprintf(path, sizeof path, "/sys/kernel/debug/%s", file);
    const int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        perror(path);
        exit(2);
    }
    close(fd);
}

static void set_both(const char* field, const char* text) {
    char path[60];
    snprintf(path, sizeof path, "failslab/%s", field);
    set(path, text);
    snprintf(path, sizeof path, "fail_page_alloc/%s", field);
    set(path, text);
}

static void prepare(void) {
    set_both("ignore-gfp-wait", "N");
    set_both("verbose", options.verbose ? "2" : "0");
    set_both("probability", "0");
    set("fail_page_alloc/min-order", "0");
}

/* By chance: every so many allocations of the step, and of what it starts. */
static void meet_chance(void) {
    const int file = open("/proc/self/make-it-fail", O_WRONLY);
    if (file < 0 || write(file, "1", 1) != 1) _exit(kUnarmed);
    close(file);
    expect_chance();
}

static void in_step(const struct step* step, long nth) {
    char room[] = "/tmp/scarce";
    mkdir(room, 0700);
    if (chdir(room) != 0) _exit(kUnarmed);
    alarm(120);
    if (options.rounds > 0) meet_chance();
    if (options.rounds == 0 && nth > 0) arm(nth);
    step->run();
    end_step();
}

/* Whether the kernel has reported an error of its own; a second time: another one. */
static bool has_complained(void) {
    static long known;
    char text[24] = "";
    FILE* const file = fopen("/proc/sys/kernel/tainted", "r");
    if (file && !fgets(text, sizeof text, file)) text[0] = 0;
    if (file) fclose(file);
    if (atol(text) == 0) return false;
    FILE* const log = popen("dmesg | grep -c -e BUG: -e Oops: -e UBSAN: -e 'lock validator:'", "r");
    char count[24] = "";
    if (log && !fgets(count, sizeof count, log)) count[0] = 0;
    if (log) pclose(log);
    const bool more = atol(count) > known;
    known = atol(count);
    return more;
}

/* Whether the step's nth allocation has failed. */
static bool run_step(const struct step* step, long nth) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) in_step(step, nth);
    int status = -1;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR) continue;
    kill_stragglers();
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (system("rm -rf /tmp/scarce") != 0) puts("scarce: /tmp/scarce stays");
    if (has_complained()) {
        printf("scarce: wrong: %s, n = %ld: the kernel complains\n", step->name, nth);
        if (system("dmesg | grep -v -e '^$' | tail -40") != 0) puts("scarce: no dmesg");
        wrong++;
        return true;
    }
    /* Without memory for what it touches a process cannot go on. */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kSomethingFailed) return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNothingFailed) return false;
    printf("scarce: wrong: %s, n = %ld: status %#x\n", step->name, nth, (unsigned)status);
    wrong++;
    return true;
}

static void count(const struct step* step, long nth) {
    const int found = report_leaks();
    if (found == 0) return;
    printf("scarce: %d leaks: %s, n = %ld\n", found, step->name, nth);
    leaks += found;
    remember_holdings();
}

static void do_step(const struct step* step) {
    steps++;
    long nth = options.nth ? options.nth : 1;
    const long patience = wrong + MOST_WRONG;
    for (bool failed = true; failed && nth < MOST && wrong < patience; nth++) {
        for (long i = 0; i < options.times && failed; i++) failed = run_step(step, nth);
        failures += failed;
        if (nth % 50 == 0) printf("scarce: %s at %ld\n", step->name, nth); /* it lives */
        if (options.each) count(step, nth);
        if (options.nth) break;
    }
    if (nth == MOST) wrong++;
    printf("scarce: %s: %ld failed\n", step->name, nth - 1);
    count(step, 0);
}

static void do_step_by_chance(const struct step* step) {
    steps++;
    set_both("task-filter", "Y");
    set_both("times", "-1");
    set_both("probability", "2");
    for (long i = 0; i < options.rounds; i++) run_step(step, i + 1);
    set_both("probability", "0");
    printf("scarce: %s: %ld rounds\n", step->name, options.rounds);
    count(step, 0);
}

static void for_each_step(void (*what)(const struct step*)) {
    for (unsigned i = 0; i < TABLES; i++) {
        for (const struct step* step = kTables[i]; step->name; step++) {
            if (options.only && strcmp(options.only, step->name) != 0) continue;
            what(step);
            fflush(stdout);
        }
    }
}

/* Caches fill, and every step works when nothing fails. */
static void warm_up(const struct step* step) {
    const long rounds = options.rounds;
    options.rounds = 0;
    for (int i = 0; i < 2; i++) {
        if (run_step(step, 0)) printf("scarce: wrong: %s without a failure\n", step->name), wrong++;
    }
    options.rounds = rounds;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "end") == 0) { /* what the step "exec" becomes */
        use_fail_nth_file(atoi(argv[2]));
        end_step();
    }
    for (int option; (option = getopt(argc, argv, "o:n:r:c:ev")) != -1;) {
        switch (option) {
        case 'o': options.only = optarg; break;
        case 'n': options.nth = atol(optarg); break;
        case 'r': options.times = atol(optarg); break;
        case 'c': options.rounds = atol(optarg); break;
        case 'e': options.each = true; break;
        case 'v': options.verbose = 2; break;
        default: return usage();
        }
    }
    prepare();
    for_each_step(warm_up);
    use_what_is_kept();
    remember_holdings();
    for_each_step(options.rounds > 0 ? do_step_by_chance : do_step);
    fflush(stdout);
    if (options.verbose && system("dmesg | tail -50") != 0) puts("scarce: no dmesg");
    printf("scarce: %ld steps, %ld failures, %ld wrong, %ld leaks\n", steps, failures, wrong,
           leaks);
    return wrong + leaks != 0;
}
