/* What the kernel owns: pages, slab objects, tasks. */
#define _GNU_SOURCE
#include "holdings/holdings.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_CACHES 200
/* Objects that /proc keeps of processes which end while it is read: not one for each call. */
#define SLACK 4

struct holdings {
    long pages;         /* neither free nor slabs nor page cache, nor mapped by a program */
    char meminfo[4096]; /* from which that was read */
    long tasks;
    long workers; /* of the kernel's work queues: they come with work, and go when idle for long */
    unsigned caches;
    struct {
        char name[32];
        long objects;
    } cache[MAX_CACHES];
};
static struct holdings before;

static long meminfo(const char* text, const char* key) {
    const char* at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) / 4 : 0;
}

/* What programs have touched that still run is theirs: a page that the kernel has lost is mapped by
 * nobody, and an address space that it has lost is in slabinfo. */
static void read_pages(struct holdings* now) {
    char* const text = now->meminfo;
    FILE* file = fopen("/proc/meminfo", "r");
    if (!file) return;
    text[fread(text, 1, sizeof now->meminfo - 1, file)] = 0;
    fclose(file);
    now->pages = meminfo(text, "MemTotal:") - meminfo(text, "MemFree:") - meminfo(text, "\nSlab:") -
                 meminfo(text, "\nCached:") - meminfo(text, "\nAnonPages:");
}

static void read_slabs(struct holdings* now) {
    FILE* file = fopen("/proc/slabinfo", "r");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        if (now->caches == MAX_CACHES || line[0] == '#') continue;
        if (sscanf(line, "%31s %ld", now->cache[now->caches].name,
                   &now->cache[now->caches].objects) == 2) {
            now->caches++;
        }
    }
    fclose(file);
}

/* Calls `visit` for every process; the number of tasks, threads counted. */
static long for_each_process(void (*visit)(long pid, const char* folder)) {
    DIR* processes = opendir("/proc");
    long tasks = 0;
    for (struct dirent* entry; processes && (entry = readdir(processes));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/task", entry->d_name);
        struct stat about;
        const bool counted = stat(path, &about) == 0 && about.st_nlink > 2;
        tasks += counted ? (long)about.st_nlink - 2 : 1;
        if (visit) visit(strtol(entry->d_name, NULL, 10), entry->d_name);
    }
    if (processes) closedir(processes);
    return tasks;
}

static long kernel_workers;
static void count_kernel_worker(long pid, const char* folder) {
    (void)pid;
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", folder);
    FILE* const file = fopen(path, "r");
    if (!file) return;
    if (fgets(name, sizeof name, file) && strncmp(name, "kworker/", 8) == 0) kernel_workers++;
    fclose(file);
}

static void kill_worker(long pid, const char* folder) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/exe", folder);
    if (pid == getpid() || pid == getppid()) return;
    char own[256], its[256];
    const ssize_t a = readlink("/proc/self/exe", own, sizeof own),
                  b = readlink(path, its, sizeof its);
    if (a > 0 && a == b && memcmp(own, its, (size_t)a) == 0) kill((pid_t)pid, SIGKILL);
}
void kill_stragglers(void) { for_each_process(kill_worker); }

/* Names that are remembered in case somebody asks again are no leak. */
static void drop_caches(void) {
    const int file = open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (file >= 0 && write(file, "3", 1) != 1) perror("drop_caches");
    close(file);
}

/* Slabs come first: to count tasks, files are opened and closed by the dozen, and a closed file is
 * freed a grace period later. */
static void take(struct holdings* now) {
    drop_caches();
    memset(now, 0, sizeof *now);
    read_slabs(now);
    read_pages(now);
    kernel_workers = 0;
    now->tasks = for_each_process(count_kernel_worker);
    now->workers = kernel_workers;
    now->tasks -= now->workers;
}

/* The rows of /proc/meminfo that are not what they were: what kind of memory it is. */
static void show_meminfo(const struct holdings* now) {
    for (const char* row = now->meminfo; *row;) {
        const char* const end = strchr(row, '\n') ? strchr(row, '\n') : row + strlen(row);
        const size_t key = strcspn(row, ":") + 1;
        const char* const old = memmem(before.meminfo, strlen(before.meminfo), row, key);
        const long was = old ? strtol(old + key, NULL, 10) : 0, is = strtol(row + key, NULL, 10);
        if (was != is) printf("  %.*s %ld KiB, was %ld\n", (int)key, row, is, was);
        row = *end ? end + 1 : end;
    }
}

static int compare(const struct holdings* now, bool print) {
    int worse = 0;
    /* A kernel thread more is a stack and a handful of objects, two of a size at most. */
    const long workers = now->workers > before.workers ? now->workers - before.workers : 0;
    if (now->pages > before.pages + 5 * workers + SLACK) {
        worse++;
        if (print) {
            printf("leak: pages: %ld more\n", now->pages - before.pages);
            show_meminfo(now);
        }
    }
    if (now->tasks > before.tasks) {
        worse++;
        if (print) printf("leak: tasks: %ld more\n", now->tasks - before.tasks);
    }
    for (unsigned i = 0; i < now->caches; i++) {
        long had = 0;
        for (unsigned k = 0; k < before.caches; k++) {
            const bool same = strcmp(before.cache[k].name, now->cache[i].name) == 0;
            if (same) had = before.cache[k].objects;
        }
        const long more = now->cache[i].objects - had - 2 * workers - SLACK;
        if (more <= 0) continue;
        worse++;
        if (print) printf("leak: %s: %ld more (%ld before)\n", now->cache[i].name, more, had);
    }
    return worse;
}

static int count_leaks(bool print) {
    static struct holdings now;
    for (int tries = 0; tries < 150; tries++) { /* what is freed later is freed within this time */
        take(&now);
        if (compare(&now, false) == 0) return 0;
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    return compare(&now, print);
}

int report_leaks(void) { return count_leaks(true); }

void remember_holdings(void) {
    take(&before);
    count_leaks(false);                        /* touches the memory that counting needs */
    nanosleep(&(struct timespec){1, 0}, NULL); /* what is freed later is freed by then */
    take(&before);
}
