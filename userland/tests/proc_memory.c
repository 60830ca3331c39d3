/* /proc/<pid> and memory: how much there is, what lies where, what the program was started with. */
#include "tests/proc_text.h"

#include <sys/resource.h>

static char* small_pages(size_t bytes) {
    char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    madvise(at, bytes, MADV_NOHUGEPAGE);
    return at;
}

static void memory_figures(void) {
    enum { kMiB = 1024 * 1024 };
    /* On many processors Linux' counts may be a few pages off. */
    const long slack = 512;
    long size = status_of_task(0, "VmSize:"), data = status_of_task(0, "VmData:");
    long rss = status_of_task(0, "VmRSS:");
    char* big = small_pages(16 * kMiB);
    CHECK_EQ(status_of_task(0, "VmSize:"), size + 16 * 1024);
    CHECK_EQ(status_of_task(0, "VmData:"), data + 16 * 1024);
    memset(big, 1, 8 * kMiB);
    CHECK(labs(status_of_task(0, "VmRSS:") - rss - 8 * 1024) <= slack);
    const char* status = proc_file(0, "status");
    long parts = number_of(status, "RssAnon:") + number_of(status, "RssFile:") +
                 number_of(status, "RssShmem:");
    CHECK_EQ(parts, number_of(status, "VmRSS:"));
    NEED(munmap(big, 16 * kMiB) == 0);
    CHECK_EQ(status_of_task(0, "VmSize:"), size);
    CHECK(status_of_task(0, "VmPeak:") >= size + 16 * 1024);
    CHECK(status_of_task(0, "VmHWM:") >= rss + 8 * 1024 - slack);
    CHECK(status_of_task(0, "VmRSS:") <= rss + slack);
}

static void faults(void) {
    long long before = stat_field(proc_file(0, "stat"), 10);
    char* pages = small_pages(200 * 4096);
    for (int i = 0; i < 200; i++) pages[i * 4096] = 1;
    long long after = stat_field(proc_file(0, "stat"), 10);
    CHECK(after - before >= 200 && after - before < 400);
    struct rusage usage;
    NEED(getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_minflt >= after && usage.ru_minflt < after + 50);
    CHECK_EQ(stat_field(proc_file(0, "stat"), 12), usage.ru_majflt);
}

/* Runs this program anew as a sleeper with these arguments; see main(). */
static struct sleeper start_program(char* const* arguments, char* const* environment) {
    int go[2];
    NEED(pipe(go) == 0);
    struct sleeper child = {.pid = fork_or_die(), .go = go[1]};
    if (child.pid == 0) {
        dup2(go[0], 0);
        close(go[1]);
        execve("/proc/self/exe", arguments, environment);
        _exit(9);
    }
    close(go[0]);
    for (int i = 0; i < 5000; i++) {
        const char *stat = proc_file(child.pid, "stat"), *env = proc_file(child.pid, "environ");
        if (stat && stat_state(stat) == 'S' && env && env[0] == 'A') break;
        usleep(1000);
    }
    return child;
}

static void arguments(void) {
    char long_word[5000];
    memset(long_word, 'w', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = 0;
    char* argv[] = {"sleeper", "a b", "", long_word, NULL};
    char* envp[] = {"A=1", "B=two words", NULL};
    struct sleeper child = start_program(argv, envp);
    char path[64];
    char* text = proc_room();
    snprintf(path, sizeof path, "/proc/%d/cmdline", child.pid);
    CHECK_EQ(read_whole(path, text), 8 + 4 + 1 + 5000);
    CHECK(memcmp(text, "sleeper\0a b\0\0www", 16) == 0);
    snprintf(path, sizeof path, "/proc/%d/environ", child.pid);
    CHECK_EQ(read_whole(path, text), 4 + 12);
    CHECK(memcmp(text, "A=1\0B=two words", 16) == 0);
    snprintf(path, sizeof path, "/proc/%d/auxv", child.pid);
    ssize_t bytes = read_whole(path, text);
    CHECK(bytes > 0 && bytes % 16 == 0);
    unsigned long page = 0;
    for (ssize_t i = 0; i + 16 <= bytes; i += 16) {
        unsigned long pair[2];
        memcpy(pair, text + i, sizeof pair);
        if (pair[0] == 6) page = pair[1];
        if (i + 16 == bytes) CHECK_EQ(pair[0], 0);
    }
    CHECK_EQ(page, 4096);
    /* The name on the way was /proc/self/exe; where that leads, exe tells. */
    char exe[256] = {}, mine[256] = {};
    snprintf(path, sizeof path, "/proc/%d/exe", child.pid);
    CHECK(readlink(path, exe, sizeof exe - 1) > 0 && readlink("/proc/self/exe", mine, 255) > 0);
    CHECK(strcmp(exe, mine) == 0);
    const char* stat = proc_file(child.pid, "stat");
    CHECK(strstr(stat, " (exe) S "));
    CHECK(stat_field(stat, 26) < stat_field(stat, 27));                      /* code */
    CHECK_EQ(stat_field(stat, 49) - stat_field(stat, 48), 8 + 4 + 1 + 5000); /* arguments */
    CHECK_EQ(stat_field(stat, 50), stat_field(stat, 49));
    CHECK_EQ(stat_field(stat, 51) - stat_field(stat, 50), 16);
    end_sleeper(child);
}

/* The line of smaps' part about the area at `start`. */
static long smaps_number(pid_t pid, const void* start, const char* key) {
    char head[32];
    snprintf(head, sizeof head, "%08lx-", (unsigned long)start);
    const char* at = proc_file(pid, "smaps");
    NEED(at);
    at = strstr(at, head);
    return at ? number_of(strchr(at, '\n') + 1, key) : -1;
}

static char* shared_area;
static void touch_shared_area(void) { CHECK_EQ(shared_area[0], 1); }

static void areas(void) {
    /* Holes on both sides, so that nothing merges with it. */
    char* area = small_pages(18 * 4096) + 4096;
    NEED(mprotect(area - 4096, 4096, PROT_NONE) == 0);
    NEED(mprotect(area + 16 * 4096, 4096, PROT_NONE) == 0);
    for (int i = 0; i < 5; i++) area[i * 4096] = 1;
    char line[96];
    snprintf(line, sizeof line, "%08lx-%08lx rw-p 00000000 00:00 0 ", (unsigned long)area,
             (unsigned long)area + 16 * 4096);
    CHECK(strstr(proc_file(0, "maps"), line));
    CHECK(strstr(proc_file(0, "maps"), "[stack]\n") && strstr(proc_file(0, "maps"), "[vdso]\n"));
    CHECK_EQ(smaps_number(0, area, "Size:"), 64);
    CHECK_EQ(smaps_number(0, area, "Rss:"), 20);
    CHECK_EQ(smaps_number(0, area, "Pss:"), 20);
    CHECK_EQ(smaps_number(0, area, "Private_Dirty:"), 20);
    CHECK_EQ(smaps_number(0, area, "Anonymous:"), 20);
    CHECK_EQ(smaps_number(0, area, "Shared_Dirty:"), 0);
    shared_area = area;
    struct sleeper child = start_sleeper(touch_shared_area);
    CHECK_EQ(smaps_number(child.pid, area, "Rss:"), 20);
    CHECK_EQ(smaps_number(child.pid, area, "Pss:"), 10);
    CHECK_EQ(smaps_number(child.pid, area, "Shared_Dirty:"), 20);
    CHECK_EQ(smaps_number(child.pid, area, "Private_Dirty:"), 0);
    const char* rollup = proc_file(child.pid, "smaps_rollup");
    NEED(rollup);
    CHECK(strstr(rollup, "[rollup]\n"));
    long rss = number_of(rollup, "Rss:");
    CHECK(number_of(rollup, "Pss:") < rss);
    CHECK(labs(rss - status_of_task(child.pid, "VmRSS:")) <= 512);
    end_sleeper(child);
    CHECK_EQ(smaps_number(0, area, "Pss:"), 20);
}

/* setproctitle(): the text runs over the end of the arguments. */
static void titles(void) {
    char* argv[] = {"titled", "x", NULL};
    char* envp[] = {"A=1", "B=a long enough environment to be overwritten", NULL};
    struct sleeper child = start_program(argv, envp);
    char path[64];
    char* text = proc_room();
    snprintf(path, sizeof path, "/proc/%d/cmdline", child.pid);
    CHECK_EQ(read_whole(path, text), 7 + 2);
    NEED(kill(child.pid, SIGUSR1) == 0);
    for (int i = 0; i < 5000 && read_whole(path, text) == 9; i++) usleep(1000);
    CHECK_EQ(read_whole(path, text), 18);
    CHECK(memcmp(text, "a title, and more", 18) == 0);
    end_sleeper(child);
}
static char** own_argv;
static void set_title(int signal) {
    (void)signal;
    strcpy(own_argv[0], "a title, and more");
}

int main(int argc, char** argv) {
    char c;
    own_argv = argv;
    if (argc > 0 && strcmp(argv[0], "titled") == 0) {
        signal(SIGUSR1, set_title);
        while (read(0, &c, 1) == -1 && errno == EINTR) continue;
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "sleeper") == 0) return read(0, &c, 1) != 0;
    return run_cases((struct test_case[]){CASE(memory_figures), CASE(faults), CASE(arguments),
                                          CASE(areas), CASE(titles), END});
}
