/* Memory under pressure. See README.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "holdings/holdings.h"

enum { PAGE = 4096, MIB = 1 << 20, USER = 1000 };

static void die(const char* what) {
    printf("pressure: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(2);
}

static void become_user(void) {
    if (geteuid() != 0) return;
    if (setgroups(0, NULL) || setgid(USER) || setuid(USER)) die("setuid");
}

static uint64_t mix(uint64_t x) {
    x ^= x >> 33, x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

static void fill(uint64_t* page, uint64_t value) {
    page[0] = value;
    page[7] = ~value;
    page[PAGE / 8 - 1] = mix(value);
}

static bool is_filled(const uint64_t* page, uint64_t value) {
    return page[0] == value && page[7] == ~value && page[PAGE / 8 - 1] == mix(value);
}

/* --- eat
 * ------------------------------------------------------------------------------------------ */

static int eat_here(size_t pages, int rounds, uint64_t seed) {
    char* memory =
        mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t* turn = calloc(pages, sizeof *turn);
    if (memory == MAP_FAILED || !turn) return 3;
    for (size_t i = 0; i < pages; i++) fill((uint64_t*)(memory + i * PAGE), mix(seed + i));
    for (int round = 0; round < rounds; round++) {
        for (size_t n = 0; n < pages; n++) {
            size_t i = mix(seed ^ (uint64_t)round << 40 ^ n) % pages;
            uint64_t* page = (uint64_t*)(memory + i * PAGE);
            if (!is_filled(page, mix(seed + i) + turn[i])) return 1;
            if (n % 3 == 0) fill(page, mix(seed + i) + ++turn[i]);
        }
    }
    for (size_t i = 0; i < pages; i++) {
        if (!is_filled((uint64_t*)(memory + i * PAGE), mix(seed + i) + turn[i])) return 1;
    }
    return 0;
}

static int eat(size_t mib, int processes, int rounds) {
    int bad = 0;
    for (int i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid == 0) {
            _exit(eat_here(mib * MIB / PAGE / (size_t)processes, rounds, mix((uint64_t)i + 1)));
        }
    }
    for (int i = 0; i < processes; i++) {
        int status;
        if (wait(&status) < 0) die("wait");
        if (status != 0) printf("pressure: an eater ended with status %#x\n", status), bad++;
    }
    printf("pressure: eat: done, %d failures\n", bad);
    return bad != 0;
}

/* --- bombs
 * ---------------------------------------------------------------------------------------- */

static void explode(void) {
    for (;;) {
        char* memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(0);
        for (size_t i = 0; i < MIB; i += PAGE) memory[i] = 1;
    }
}

static int bomb(void) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        become_user();
        explode();
    }
    int status;
    if (waitpid(pid, &status, 0) != pid) die("wait");
    bool told = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    printf("pressure: bomb: %s\n", told ? "told" : killed ? "killed" : "something else");
    return !(told || killed);
}

enum { WITNESSED = 4 * MIB };

static void* tell(void* argument) {
    const char* memory = argument;
    for (;;) {
        for (size_t at = 0; at < WITNESSED; at += 16 * PAGE) {
            if (write(1, memory + at, 16 * PAGE) < 0) return NULL;
        }
    }
}

/* The victim's other thread writes its memory into a pipe all the time. Whatever comes out is what
 * had been filled in: memory that was taken from it is an error for write(2), not zeros. */
static int witness(void) {
    int ends[2];
    if (pipe(ends)) die("pipe");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        become_user();
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        char* memory =
            mmap(NULL, WITNESSED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(3);
        memset(memory, 0xa5, WITNESSED);
        pthread_t thread;
        if (pthread_create(&thread, NULL, tell, memory)) _exit(3);
        explode();
    }
    close(ends[1]);
    static unsigned char heard[16 * PAGE];
    size_t bad = 0, all = 0;
    for (ssize_t got; (got = read(ends[0], heard, sizeof heard)) > 0; all += (size_t)got) {
        for (ssize_t i = 0; i < got; i++) bad += heard[i] != 0xa5;
    }
    int status;
    if (waitpid(pid, &status, 0) != pid) die("wait");
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    printf("pressure: witness: %s, %zu of %zu bytes wrong\n", killed ? "killed" : "not killed", bad,
           all);
    return bad != 0 || all == 0 || !killed;
}

static void multiply(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid < 0) {
            usleep(20000);
            continue;
        }
        if (pid != 0) continue;
        char* memory =
            mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED) {
            for (size_t i = 0; i < 2 * MIB; i += PAGE) memory[i] = 1;
        }
    }
}

/* Ten seconds of it, then all of the user's processes are killed. */
static int forks(void) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        become_user();
        struct rlimit limit = {300, 300};
        setrlimit(RLIMIT_NPROC, &limit);
        multiply();
    }
    sleep(10);
    for (int i = 0; i < 200; i++) {
        pid_t killer = fork();
        if (killer == 0) {
            become_user();
            kill(-1, SIGKILL);
            _exit(0);
        }
        if (killer > 0) waitpid(killer, NULL, 0);
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid) break;
        usleep(50000);
    }
    usleep(500000);
    printf("pressure: forks: done\n");
    return 0;
}

/* --- storm
 * ---------------------------------------------------------------------------------------- */

enum { AREAS = 24, WORKERS = 8 };

struct area {
    char* at;
    size_t pages;
    uint64_t seed;
    bool shared;
};

static uint64_t state;
static uint64_t draw(uint64_t below) {
    return (state = mix(state + 0x9e3779b97f4a7c15ull)) % below;
}

static bool check_area(const struct area* area) {
    for (size_t i = 0; i < area->pages; i++) {
        const uint64_t* page = (const uint64_t*)(area->at + i * PAGE);
        if (page[0] != 0 && !is_filled(page, mix(area->seed + i))) return false;
    }
    return true;
}

static void touch_area(const struct area* area) {
    for (size_t n = draw(area->pages) + 1; n > 0; n--) {
        size_t i = draw(area->pages);
        fill((uint64_t*)(area->at + i * PAGE), mix(area->seed + i));
    }
}

static void map_area(struct area* area, size_t most) {
    area->pages = draw(most) + 1;
    area->shared = draw(4) == 0;
    area->seed = draw(UINT64_MAX) | 1;
    area->at = mmap(NULL, area->pages * PAGE, PROT_READ | PROT_WRITE,
                    MAP_ANONYMOUS | (area->shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    if (area->at == MAP_FAILED) area->at = NULL;
}

/* A child sees what its parent had, changes it, and goes. */
static bool fork_and_look(struct area* areas) {
    pid_t pid = fork();
    if (pid < 0) return true;
    if (pid == 0) {
        bool good = true;
        for (int i = 0; i < AREAS; i++) {
            if (!areas[i].at) continue;
            good &= check_area(&areas[i]);
            if (!areas[i].shared) memset(areas[i].at, 0, PAGE);
        }
        _exit(good ? 0 : 1);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid) return false;
    return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int storm_worker(uint64_t seed, time_t end, size_t most) {
    struct area areas[AREAS] = {0};
    state = seed;
    while (time(NULL) < end) {
        struct area* area = &areas[draw(AREAS)];
        if (!area->at) {
            map_area(area, most);
            continue;
        }
        switch (draw(9)) {
        case 0:
            if (!check_area(area)) return 1;
            munmap(area->at, area->pages * PAGE);
            area->at = NULL;
            break;
        case 1:
            if (!check_area(area)) return 1;
            break;
        case 2: madvise(area->at, area->pages * PAGE, 21 /* MADV_PAGEOUT */); break;
        case 3: {
            void* moved =
                mremap(area->at, area->pages * PAGE, area->pages * PAGE + PAGE, MREMAP_MAYMOVE);
            if (moved == MAP_FAILED) break;
            munmap((char*)moved + area->pages * PAGE, PAGE);
            area->at = moved;
            break;
        }
        case 4:
            mprotect(area->at, area->pages * PAGE, PROT_READ);
            if (!check_area(area)) return 1;
            mprotect(area->at, area->pages * PAGE, PROT_READ | PROT_WRITE);
            break;
        case 5:
            if (draw(8) == 0 && !fork_and_look(areas)) return 1;
            break;
        default: touch_area(area);
        }
    }
    return 0;
}

/* Turns each swap device off and on: then nothing of ours or others' is in swap space, or in memory
 * only because it was read together with a neighbour. */
static void settle_swap(void) {
    char devices[8][256];
    int count = 0;
    FILE* file = fopen("/proc/swaps", "r");
    if (!file) return;
    while (count < 8 && fscanf(file, "%255s%*[^\n]", devices[count]) == 1) {
        if (devices[count][0] == '/') count++;
    }
    fclose(file);
    for (int i = 0; i < count; i++) {
        if (swapoff(devices[i]) != 0) die("swapoff");
    }
    for (int i = 0; i < count; i++) {
        if (swapon(devices[i], 0) != 0) die("swapon");
    }
}

static int storm(time_t seconds, uint64_t seed, size_t mib) {
    const bool judged = is_vitrine();
    if (judged) use_what_is_kept();
    if (judged) settle_swap();
    if (judged) remember_holdings();
    int bad = 0, killed = 0;
    time_t end = time(NULL) + seconds;
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid == 0) {
            _exit(
                storm_worker(mix(seed + (uint64_t)i), end, 2 * mib * MIB / PAGE / WORKERS / AREAS));
        }
    }
    for (time_t start = time(NULL), now; (now = time(NULL)) < end;) {
        printf("pressure: %lld s\n", (long long)(now - start)); /* who watches us sees us alive */
        sleep(end - now < 10 ? (unsigned)(end - now) : 10);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        if (wait(&status) < 0) die("wait");
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
            killed++;
        } else if (status != 0) {
            printf("pressure: a worker ended with status %#x\n", status), bad++;
        }
    }
    if (judged) settle_swap();
    int leaks = judged ? report_leaks() : 0;
    printf("pressure: storm: %d failures, %d killed, %d leaks\n", bad, killed, leaks);
    return bad != 0 || leaks != 0;
}

int main(int argc, char** argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char* what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "eat") && argc == 5) {
        return eat(strtoul(argv[2], NULL, 0), atoi(argv[3]), atoi(argv[4]));
    }
    if (!strcmp(what, "bomb")) return bomb();
    if (!strcmp(what, "witness")) return witness();
    if (!strcmp(what, "forks")) return forks();
    if (!strcmp(what, "storm") && argc == 5) {
        return storm(atoi(argv[2]), strtoull(argv[3], NULL, 0), strtoul(argv[4], NULL, 0));
    }
    puts(
        "usage: pressure eat MIB PROCESSES ROUNDS | bomb | witness | forks | storm SECONDS SEED "
        "MIB");
    return 2;
}
