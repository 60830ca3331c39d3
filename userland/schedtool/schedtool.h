/* schedtool: loads for a scheduler, and how far each got. Numbers in and out are little-endian u64.
 *
 * schedtool load LENGTH_MS BUCKET_MS: reads workers from the standard input (struct worker each),
 * starts them all at one moment, and writes for each what it did (struct done, and one number for
 * each bucket of time).
 *
 * schedtool keep WORKERS LENGTH_MS SEED: workers on one processor that hold values drawn from SEED
 * in all their registers while others run; writes for each how often it has looked, and how often
 * something was not there any more.
 *
 * schedtool pairs THREADS STEPS: pairs of threads on one processor, each waking the other and then
 * sleeping; half of them are ready at any time. Writes the nanoseconds that all took, and how often
 * one woke another.
 */
#ifndef SCHEDTOOL_H
#define SCHEDTOOL_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_WORKERS = 32, MAX_BUCKETS = 512 };

enum kind { SPIN, SLEEP, BURST };

struct worker {
    uint64_t policy;   /* SCHED_* */
    uint64_t priority; /* nice + 20, or rt_priority */
    uint64_t kind; /* SPIN: counts as fast as it can; SLEEP: sleeps and counts how late it wakes;
                        BURST: as SPIN, but after each period it sleeps for a moment */
    uint64_t cpus_before, cpus; /* where it may be until the common moment, and from then on */
    uint64_t from_ms, to_ms;    /* when it is at work, since the common moment */
    uint64_t period_us;         /* SLEEP: from one wake-up to the next; BURST: of work */
};

/* A bucket of a SPIN worker: rounds counted in that stretch of time. Of a SLEEP worker: the
 * greatest lateness in it, ns. */
struct done {
    uint64_t cpus_seen; /* a bit for each processor that it has been on since the moment */
    uint64_t rounds;    /* rounds, or wake-ups */
    uint64_t error;     /* errno if its policy or processors were refused */
};

uint64_t now_ns(void);
void sleep_until_ns(uint64_t when);
/* A moment at least `ns` from now that is a multiple of a tenth of a second: the scheduler's ticks
 * fall on the same places behind it in each run. */
uint64_t common_moment(uint64_t ns);
/* Reads up to `room` bytes; how many came. */
size_t read_all(void* to, size_t room);
int write_all(const void* from, size_t bytes);
/* Memory that children share. */
void* shared_memory(size_t bytes);

int run_load(uint64_t length_ms, uint64_t bucket_ms);
int run_keep(unsigned workers, uint64_t length_ms, uint64_t seed);
int run_pairs(unsigned threads, unsigned steps);

#endif
