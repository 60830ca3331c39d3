/* The supervisor. Its last line is "stress: N operations, R rounds, F failures, L leaks". */
#include "holdings/holdings.h"
#include "stress/supervisor.h"

static const struct kind* const kKinds[] = {&kTrees, &kFutexes, &kConditions, &kRings,  &kSignals,
                                            &kStops, &kEvents,  &kThreads,    &kPlaces, &kMappings};
#define KINDS (sizeof kKinds / sizeof kKinds[0])

struct options {
    uint64_t seed, seconds, first, rounds;
    unsigned copies;
    const char* only;
};

static int usage(void) {
    fputs(
        "stress: everything that makes, stops, wakes, places and ends tasks, all at once\n"
        "  -s SEED     repeat the draws of this seed (default: 1)\n"
        "  -t SECONDS  for how long (default: 10)\n"
        "  -j COPIES   workers of each kind (default: 1)\n"
        "  -o KIND     workers of this kind only\n"
        "  -r ROUND    begin with this round, as a failure told\n"
        "  -n ROUNDS   that many of each worker at most\n",
        stderr);
    for (unsigned i = 0; i < KINDS; i++) {
        fprintf(stderr, "%13s  %s\n", kKinds[i]->name, kKinds[i]->what);
    }
    return 2;
}

static bool parse(int argc, char** argv, struct options* options) {
    *options = (struct options){.seed = 1, .seconds = 10, .copies = 1};
    for (int option; (option = getopt(argc, argv, "s:t:j:o:r:n:")) != -1;) {
        switch (option) {
        case 's': options->seed = strtoull(optarg, NULL, 0); break;
        case 't': options->seconds = strtoull(optarg, NULL, 0); break;
        case 'j': options->copies = (unsigned)atoi(optarg); break;
        case 'o': options->only = optarg; break;
        case 'r': options->first = strtoull(optarg, NULL, 0); break;
        case 'n': options->rounds = strtoull(optarg, NULL, 0); break;
        default: return false;
        }
    }
    return optind == argc && options->copies > 0;
}

static bool wanted(const struct options* options, const struct kind* kind) {
    return !options->only || strcmp(options->only, kind->name) == 0;
}

/* Hires the workers that the options ask for. */
static bool hire(const struct options* options, uint64_t first, uint64_t rounds) {
    bool any = false;
    for (unsigned i = 0; i < KINDS * options->copies; i++) {
        const struct kind* const kind = kKinds[i % KINDS];
        if (!wanted(options, kind)) continue;
        start_worker(kind, i / KINDS, options->seed, first, rounds);
        any = true;
    }
    return any;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "leaf") == 0) trees_leaf(atoi(argv[2]));
    struct options options;
    if (!parse(argc, argv, &options)) return usage();
    const bool judged =
        is_vitrine() && getuid() == 0; /* of Linux we only ask that the checks hold */
    printf("stress: seed %llu, %llu s, %u workers of each kind\n", (unsigned long long)options.seed,
           (unsigned long long)options.seconds, options.copies);
    if (!lay_boards()) return perror("stress: mmap"), 1;
    if (judged) use_what_is_kept();
    /* Some rounds to warm up: what the kernel then keeps for good is no leak. */
    if (!hire(&options, UINT64_MAX / 2, 3)) return usage();
    unsigned failures = supervise(WARM_UP);
    if (judged) remember_holdings();
    if (failures == 0) {
        (void)hire(&options, options.first, options.rounds);
        failures = supervise(options.seconds);
    }
    const int leaks = judged ? report_leaks() : 0;
    const struct sums sums = tell_sums();
    printf("stress: %llu operations, %llu rounds, %u failures, %d leaks\n",
           (unsigned long long)sums.operations, (unsigned long long)sums.rounds, failures, leaks);
    return failures != 0 || leaks != 0;
}
