/* Workers that begin at one moment, and what each did in each stretch of time. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schedtool/schedtool.h"

static const uint64_t NS_PER_MS = 1000000;
/* Time for all to be born and asleep: they are forked by one that nobody disturbs. */
static const uint64_t PREPARATION_MS = 40;

struct result {
    struct done done;
    uint64_t buckets[MAX_BUCKETS];
};

struct run {
    uint64_t start, end, bucket_ns;
};

static int set_cpus(uint64_t mask) {
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, &mask) < 0 ? errno : 0;
}

/* musl has no working sched_setscheduler(). */
static int set_policy(const struct worker* self) {
    const int is_rt = self->policy == SCHED_FIFO || self->policy == SCHED_RR;
    const struct sched_param param = {.sched_priority = is_rt ? (int)self->priority : 0};
    if (syscall(SYS_sched_setscheduler, 0, (int)self->policy, &param) < 0) return errno;
    if (!is_rt && setpriority(PRIO_PROCESS, 0, (int)self->priority - 20) < 0) return errno;
    return 0;
}

static uint64_t* bucket_at(struct result* result, const struct run* run, uint64_t now) {
    const uint64_t at = (now - run->start) / run->bucket_ns;
    return &result->buckets[at < MAX_BUCKETS ? at : MAX_BUCKETS - 1];
}

static void see_cpu(struct result* result) {
    unsigned cpu = 0;
    syscall(SYS_getcpu, &cpu, NULL, NULL);
    result->done.cpus_seen |= 1ull << (cpu & 63);
}

static void spin(struct result* result, const struct run* run, uint64_t end) {
    see_cpu(result);
    for (uint64_t now = now_ns(), seen = now; now < end; now = now_ns()) {
        for (volatile unsigned i = 0; i < 200; i++) continue;
        ++*bucket_at(result, run, now);
        result->done.rounds++;
        if (now - seen > NS_PER_MS) {
            see_cpu(result);
            seen = now;
        }
    }
}

static const uint64_t MOMENT_NS = 50000;

static void work_in_bursts(struct result* result, const struct run* run, uint64_t end,
                           uint64_t period) {
    while (now_ns() < end) {
        for (uint64_t left = period, last = now_ns(); left > 0;) {
            for (volatile unsigned i = 0; i < 200; i++) continue;
            const uint64_t now = now_ns(), step = now - last;
            last = now;
            ++*bucket_at(result, run, now);
            result->done.rounds++;
            if (step < period / 4) left -= step < left ? step : left; /* else others ran */
        }
        sleep_until_ns(now_ns() + MOMENT_NS);
    }
}

static void wake_again_and_again(struct result* result, const struct run* run, uint64_t end,
                                 uint64_t period) {
    for (uint64_t next = now_ns() + period; next < end; next += period) {
        sleep_until_ns(next);
        const uint64_t late = now_ns() - next;
        uint64_t* const worst = bucket_at(result, run, next);
        if (late > *worst) *worst = late;
        result->done.rounds++;
        see_cpu(result);
    }
}

static void work(const struct worker* self, struct result* result, const struct run* run) {
    int error = set_cpus(self->cpus_before);
    if (error == 0) error = set_policy(self);
    result->done.error = (uint64_t)error;
    sleep_until_ns(run->start);
    if (error == 0) result->done.error = (uint64_t)set_cpus(self->cpus);
    if (self->from_ms != 0) sleep_until_ns(run->start + self->from_ms * NS_PER_MS);
    const uint64_t end = run->start + self->to_ms * NS_PER_MS;
    if (self->kind == SPIN) {
        spin(result, run, end < run->end ? end : run->end);
    } else if (self->kind == BURST) {
        work_in_bursts(result, run, end < run->end ? end : run->end, self->period_us * 1000);
    } else {
        wake_again_and_again(result, run, end < run->end ? end : run->end, self->period_us * 1000);
    }
    _exit(0);
}

int run_load(uint64_t length_ms, uint64_t bucket_ms) {
    static struct worker workers[MAX_WORKERS];
    const size_t count = read_all(workers, sizeof workers) / sizeof workers[0];
    if (count == 0 || bucket_ms == 0 || length_ms / bucket_ms > MAX_BUCKETS) return 64;
    struct result* const results = shared_memory(count * sizeof *results);
    const struct sched_param urgent = {.sched_priority = 99};
    syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | 0x40000000 /* reset on fork */, &urgent);
    struct run run = {.start = common_moment(PREPARATION_MS * NS_PER_MS),
                      .bucket_ns = bucket_ms * NS_PER_MS};
    run.end = run.start + length_ms * NS_PER_MS;
    for (size_t i = 0; i < count; i++) {
        const pid_t pid = fork();
        if (pid < 0) return 2;
        if (pid == 0) work(&workers[i], &results[i], &run);
    }
    while (wait(NULL) > 0) continue;
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        failed |= write_all(&results[i].done, sizeof results[i].done);
        failed |= write_all(results[i].buckets, length_ms / bucket_ms * sizeof(uint64_t));
    }
    return failed;
}
