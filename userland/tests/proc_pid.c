/* /proc/<pid>: numbers that add up, and what becomes of the files when the process dies. What is in
 * its memory: proc_memory.c; who may read what: proc_access.c. */
#include "tests/proc_text.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

static void who_it_is(void) {
    struct sleeper child = start_sleeper(NULL);
    const char* stat = proc_file(child.pid, "stat");
    NEED(stat);
    CHECK_EQ(atoi(stat), child.pid);
    CHECK(strstr(stat, " (proc_pid) S "));
    CHECK_EQ(stat_field(stat, 4), getpid());
    CHECK_EQ(stat_field(stat, 5), getpgrp());
    CHECK_EQ(stat_field(stat, 6), getsid(0));
    CHECK_EQ(stat_field(stat, 20), 1); /* threads */
    CHECK_EQ(stat_field(stat, 35), 1); /* it waits somewhere */
    CHECK_EQ(stat_field(stat, 38), SIGCHLD);
    CHECK(stat_field(stat, 39) < sysconf(_SC_NPROCESSORS_CONF));
    long long since = stat_field(stat, 22), mine = stat_field(proc_file(0, "stat"), 22);
    CHECK(mine <= since);
    long long pages = strtoll(proc_file(child.pid, "statm"), NULL, 10);
    CHECK_EQ(stat_field(stat, 23), pages * 4096);
    CHECK_EQ(stat_field(stat, 25), -1); /* RLIMIT_RSS: none */

    const char* status = proc_file(child.pid, "status");
    NEED(status);
    CHECK(strncmp(status, "Name:\tproc_pid\nUmask:\t00", 23) == 0);
    CHECK(strstr(status, "\nState:\tS (sleeping)\n"));
    CHECK_EQ(number_of(status, "Tgid:"), child.pid);
    CHECK_EQ(number_of(status, "Pid:"), child.pid);
    CHECK_EQ(number_of(status, "PPid:"), getpid());
    CHECK_EQ(number_of(status, "NSpgid:"), getpgrp());
    CHECK_EQ(number_of(status, "NSsid:"), getsid(0));
    CHECK_EQ(number_of(status, "Threads:"), 1);
    CHECK_EQ(number_of(status, "TracerPid:"), 0);
    CHECK(number_of(status, "FDSize:") >= 4);
    CHECK(strstr(status, "\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"));
    CHECK_EQ(number_of(proc_file(child.pid, "cgroup"), "0::/"), 0);
    CHECK_EXITED(end_sleeper(child), 0);
}

/* The keys that libproc2 looks for, in Linux' order. */
static const char* const status_keys[] = {"Name:",
                                          "Umask:",
                                          "State:",
                                          "Tgid:",
                                          "Ngid:",
                                          "Pid:",
                                          "PPid:",
                                          "TracerPid:",
                                          "Uid:",
                                          "Gid:",
                                          "FDSize:",
                                          "Groups:",
                                          "NStgid:",
                                          "NSpid:",
                                          "NSpgid:",
                                          "NSsid:",
                                          "VmPeak:",
                                          "VmSize:",
                                          "VmLck:",
                                          "VmPin:",
                                          "VmHWM:",
                                          "VmRSS:",
                                          "RssAnon:",
                                          "RssFile:",
                                          "RssShmem:",
                                          "VmData:",
                                          "VmStk:",
                                          "VmExe:",
                                          "VmLib:",
                                          "VmPTE:",
                                          "VmSwap:",
                                          "CoreDumping:",
                                          "Threads:",
                                          "SigQ:",
                                          "SigPnd:",
                                          "ShdPnd:",
                                          "SigBlk:",
                                          "SigIgn:",
                                          "SigCgt:",
                                          "CapInh:",
                                          "CapPrm:",
                                          "CapEff:",
                                          "CapBnd:",
                                          "CapAmb:",
                                          "NoNewPrivs:",
                                          "Seccomp:",
                                          "Cpus_allowed:",
                                          "Cpus_allowed_list:",
                                          "Mems_allowed:",
                                          "Mems_allowed_list:",
                                          "voluntary_ctxt_switches:",
                                          "nonvoluntary_ctxt_switches:"};

static void status_lines(void) {
    const char* at = proc_file(0, "status");
    NEED(at);
    for (size_t i = 0; i < sizeof status_keys / sizeof *status_keys; i++) {
        char line[64];
        snprintf(line, sizeof line, i ? "\n%s\t" : "%s\t", status_keys[i]);
        const char* found = strstr(at, line);
        if (!found) printf("# no %s in its place\n", status_keys[i]);
        NEED(found);
        at = found;
    }
}

static void burn(long milliseconds) {
    struct timespec now;
    do {
        for (volatile int i = 0; i < 200000; i++) continue;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < milliseconds);
}

static long long ticks_of(const char* stat) { return stat_field(stat, 14) + stat_field(stat, 15); }

static void burn_and_tell(void) {
    burn(300);
    CHECK(ticks_of(proc_file(0, "stat")) >= 25);
}
static void times(void) {
    CHECK_EQ(stat_field(proc_file(0, "stat"), 16) + stat_field(proc_file(0, "stat"), 17), 0);
    struct sleeper child = start_sleeper(burn_and_tell);
    const char* stat = proc_file(child.pid, "stat");
    const long long ticks = ticks_of(stat);
    CHECK(ticks >= 25 && ticks < 3000);
    CHECK(stat_field(stat, 14) > 15); /* nearly all of it in user mode */
    CHECK_EXITED(end_sleeper(child), 0);
    stat = proc_file(0, "stat");
    const long long children = stat_field(stat, 16) + stat_field(stat, 17);
    CHECK(children >= ticks - 1);
    CHECK(children < ticks + 30);  /* its end took some, too */
    CHECK(ticks_of(stat) < ticks); /* they are not the parent's own */
}

/* --- threads ---------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static pid_t tids[4];
static void* wait_for_all(void* number) {
    tids[(long)number] = (pid_t)syscall(SYS_gettid);
    if ((long)number == 1) burn(200);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static int entries_of(const char* path, long* sum) {
    DIR* dir = opendir(path);
    NEED(dir);
    int count = 0;
    *sum = 0;
    for (struct dirent* entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        count++;
        *sum += atol(entry->d_name);
    }
    closedir(dir);
    return count;
}

static void threads(void) {
    pthread_t thread[3];
    char name[64];
    long sum, want;
    pthread_barrier_init(&barrier, NULL, 4);
    for (long i = 0; i < 3; i++) {
        NEED(pthread_create(&thread[i], NULL, wait_for_all, (void*)i) == 0);
    }
    pthread_barrier_wait(&barrier);
    CHECK_EQ(entries_of("/proc/self/task", &sum), 4);
    want = getpid() + tids[0] + tids[1] + tids[2];
    CHECK_EQ(sum, want);
    CHECK_EQ(status_of_task(0, "Threads:"), 4);
    CHECK_EQ(stat_field(proc_file(0, "stat"), 20), 4);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "task/%d/status", tids[i]);
        CHECK_EQ(number_of(proc_file(0, name), "Pid:"), tids[i]);
        CHECK_EQ(number_of(proc_file(0, name), "Tgid:"), getpid());
        snprintf(name, sizeof name, "task/%d/stat", tids[i]);
        CHECK_EQ(atoi(proc_file(0, name)), tids[i]);
        CHECK(i == 1 ? ticks_of(proc_file(0, name)) >= 15 : ticks_of(proc_file(0, name)) < 15);
    }
    CHECK(ticks_of(proc_file(0, "stat")) >= 15);
    snprintf(name, sizeof name, "/proc/self/task/%d/task", tids[0]);
    CHECK_ERRNO(open(name, O_RDONLY), ENOENT);
    snprintf(name, sizeof name, "/proc/self/task/%d", getppid());
    CHECK_ERRNO(open(name, O_RDONLY), ENOENT);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 5000 && entries_of("/proc/self/task", &sum) != 1; i++) usleep(1000);
    CHECK_EQ(sum, getpid());
    CHECK(ticks_of(proc_file(0, "stat")) >= 15); /* what threads have used stays the process' */
}

static void names(void) {
    char name[16] = {};
    int fd = open("/proc/self/comm", O_RDWR);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, "a name that is too long", 23), 23);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a name that is ") == 0);
    CHECK(strcmp(proc_file(0, "comm"), "a name that is \n") == 0);
    CHECK_EQ(write(fd, "x)\\\n", 4), 4);
    CHECK(strncmp(proc_file(0, "status"), "Name:\tx)\\\\\\n\nUmask:", 18) == 0);
    CHECK(strstr(proc_file(0, "stat"), " (x)\\\n) R "));
    close(fd);
    struct sleeper child = start_sleeper(NULL);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", child.pid);
    NEED((fd = open(path, O_WRONLY)) >= 0);
    CHECK_ERRNO(write(fd, "no", 2), EINVAL);
    close(fd);
    end_sleeper(child);
}

/* --- places and files ------------------------------------------------------------------------- */

static void places(void) {
    char here[300], link[300] = {};
    NEED(getcwd(here, sizeof here) && mkdir("sub", 0700) == 0 && chdir("sub") == 0);
    strcat(here, "/sub");
    CHECK(readlink("/proc/self/cwd", link, sizeof link - 1) == (ssize_t)strlen(here));
    CHECK(strcmp(link, here) == 0);
    NEED(rmdir("../sub") == 0);
    memset(link, 0, sizeof link);
    CHECK(readlink("/proc/self/cwd", link, sizeof link - 1) > 0);
    CHECK(strcmp(link + strlen(here), " (deleted)") == 0);
    NEED(chdir("/") == 0);
    CHECK_EQ(readlink("/proc/self/root", link, sizeof link), 1);
}

static void open_files(void) {
    char path[64], link[300] = {};
    struct stat info;
    write_file("data", "0123456789", 10, 0600);
    int fd = open("data", O_RDONLY | O_CLOEXEC), out = open("data", O_WRONLY | O_APPEND);
    NEED(fd >= 0 && out >= 0 && lseek(fd, 7, SEEK_SET) == 7);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(readlink(path, link, sizeof link - 1) > 5 && strstr(link, "/data"));
    CHECK(lstat(path, &info) == 0 && (info.st_mode & 07777) == 0500 && info.st_size == 64);
    snprintf(path, sizeof path, "/proc/self/fd/%d", out);
    CHECK(lstat(path, &info) == 0 && (info.st_mode & 07777) == 0300);
    snprintf(path, sizeof path, "fdinfo/%d", fd);
    const char* text = proc_file(0, path);
    CHECK_EQ(number_of(text, "pos:"), 7);
    CHECK_EQ(number_of(text, "flags:") & ~0100000, O_CLOEXEC);
    NEED(stat("data", &info) == 0);
    CHECK_EQ(number_of(text, "ino:"), info.st_ino);
    snprintf(path, sizeof path, "fdinfo/%d", out);
    CHECK_EQ(number_of(proc_file(0, path), "flags:") & ~0100000, O_WRONLY | O_APPEND);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    close(fd);
    CHECK_ERRNO(readlink(path, link, sizeof link), ENOENT);
    static const char* const never[] = {"-1", "99999999999999999999", "00", "0x0", "1 "};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", never[i]);
        CHECK_ERRNO(readlink(path, link, sizeof link), ENOENT);
    }
}

static void limits(void) {
    struct rlimit limit = {.rlim_cur = 77, .rlim_max = 99};
    NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(strstr(
        proc_file(0, "limits"),
        "\nMax open files            77                   99                   files     \n"));
    CHECK(
        strncmp(proc_file(0, "limits"),
                "Limit                     Soft Limit           Hard Limit           Units     \n",
                79) == 0);
}

static void io_counts(void) {
    int p[2];
    char bytes[100] = {};
    NEED(pipe2(p, O_NONBLOCK) == 0);
    char before[600];
    strcpy(before, proc_file(0, "io"));
    for (int i = 0; i < 10; i++) NEED(write(p[1], bytes, 100) == 100);
    for (int i = 0; i < 5; i++) NEED(read(p[0], bytes, 50) == 50);
    CHECK_ERRNO(write(999, bytes, 1), EBADF);
    CHECK_ERRNO(read(p[1], bytes, 1), EBADF);
    const char* after = proc_file(0, "io");
    CHECK_EQ(number_of(after, "wchar:") - number_of(before, "wchar:"), 1000);
    CHECK_EQ(number_of(after, "syscw:") - number_of(before, "syscw:"), 10);
    /* Reading the figures is reading, too: two reads, the second at the end of the file. */
    CHECK_EQ(number_of(after, "rchar:") - number_of(before, "rchar:"), 250 + (long)strlen(before));
    CHECK_EQ(number_of(after, "syscr:") - number_of(before, "syscr:"), 5 + 2);
}

/* --- where it is ------------------------------------------------------------------------------ */

static void spin(void) {
    for (;;) continue;
}
/* /proc/PID/syscall of a task that sleeps. Its state may say so before it has left its processor.
 */
static const char* syscall_asleep(pid_t pid) {
    const char* text = proc_file(pid, "syscall");
    for (int i = 0; i < 5000 && text && strcmp(text, "running\n") == 0; i++) {
        usleep(1000);
        text = proc_file(pid, "syscall");
    }
    return text;
}
static void places_in_the_kernel(void) {
    struct sleeper child = start_sleeper(NULL);
    char want[64];
    const char* text = syscall_asleep(child.pid);
    NEED(text);
    snprintf(want, sizeof want, "%d 0x", SYS_read);
    CHECK(strncmp(text, want, strlen(want)) == 0);
    int blanks = 0;
    for (const char* at = text; *at; at++) blanks += *at == ' ';
    CHECK_EQ(blanks, 8);
    const char* wchan = proc_file(child.pid, "wchan");
    CHECK(wchan && strlen(wchan) > 3 && !strchr(wchan, '\n'));
    end_sleeper(child);
    CHECK(strncmp(proc_file(0, "syscall"), want, strlen(want)) == 0); /* it reads */
    CHECK(strcmp(proc_file(0, "wchan"), "0") == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) spin();
    CHECK(stat_state(proc_file(pid, "stat")) == 'R');
    text = proc_file(pid, "syscall");
    CHECK(text && (strcmp(text, "running\n") == 0 || text[0] == '-')); /* -1: preempted */
    NEED(kill(pid, SIGSTOP) == 0 && waitpid(pid, NULL, WUNTRACED) == pid);
    for (int i = 0; i < 5000 && stat_state(proc_file(pid, "stat")) != 'T'; i++) usleep(1000);
    CHECK(stat_state(proc_file(pid, "stat")) == 'T');
    CHECK(strstr(proc_file(pid, "status"), "State:\tT (stopped)\n"));
    text = syscall_asleep(pid);
    CHECK(text && strstr(text, " 0x")); /* -1, or the fork() that it comes from */
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

static void small_files(void) {
    CHECK(strcmp(proc_file(0, "personality"), "00000000\n") == 0);
    NEED(syscall(SYS_personality, 0x40000) == 0);
    CHECK(strcmp(proc_file(0, "personality"), "00040000\n") == 0);
    CHECK(atoi(proc_file(0, "oom_score")) > 0);
    char path[64];
    struct sleeper child = start_sleeper(NULL);
    snprintf(path, sizeof path, "task/%d/children", getpid());
    CHECK_EQ(atoi(proc_file(0, path)), child.pid);
    end_sleeper(child);
    CHECK(proc_file(0, path)[0] == 0);
}

static int store(const char* name, const char* text) {
    int fd = open(name, O_WRONLY);
    NEED(fd >= 0);
    int done = (int)write(fd, text, strlen(text)), error = errno;
    close(fd);
    errno = error;
    return done;
}
static void oom_score_adj(void) {
    CHECK_EQ(store("/proc/self/oom_score_adj", "500\n"), 4);
    CHECK(strcmp(proc_file(0, "oom_score_adj"), "500\n") == 0);
    CHECK(strcmp(proc_file(0, "oom_adj"), "8\n") == 0);
    CHECK(atoi(proc_file(0, "oom_score")) >= 990);
    static const char* const wrong[] = {"1001", "-1001", "x", "", "5 5", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (wrong[i][0]) CHECK(store("/proc/self/oom_score_adj", wrong[i]) == -1);
    }
    struct sleeper child = start_sleeper(NULL);
    CHECK_EQ(atoi(proc_file(child.pid, "oom_score_adj")), 500);
    end_sleeper(child);
    become_plain_user();
    CHECK_EQ(store("/proc/self/oom_score_adj", "700"), 3);
    CHECK_ERRNO(store("/proc/self/oom_score_adj", "-500"), EACCES);
    CHECK(strcmp(proc_file(0, "oom_score_adj"), "700\n") == 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void death(void) {
    static const char* const names[] = {"stat", "status", "statm", "cmdline",
                                        "comm", "limits", "io"};
    enum { kNames = sizeof names / sizeof *names };
    int fd[kNames];
    char path[64], link[64], c;
    struct sleeper child = start_sleeper(NULL);
    for (int i = 0; i < kNames; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", child.pid, names[i]);
        NEED((fd[i] = open(path, O_RDONLY)) >= 0);
    }
    snprintf(path, sizeof path, "/proc/%d", child.pid);
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    int task = openat(dir, "task", O_RDONLY | O_DIRECTORY);
    NEED(dir >= 0 && task >= 0);
    close(child.go);
    siginfo_t info;
    NEED(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT) == 0);

    CHECK(stat_state(proc_file(child.pid, "stat")) == 'Z');
    CHECK(strcmp(proc_file(child.pid, "statm"), "0 0 0 0 0 0 0\n") == 0);
    CHECK(proc_file(child.pid, "cmdline")[0] == 0 && proc_file(child.pid, "maps")[0] == 0);
    CHECK(strstr(proc_file(child.pid, "status"), "State:\tZ (zombie)\n"));
    CHECK(!strstr(proc_file(child.pid, "status"), "VmSize:"));
    snprintf(path, sizeof path, "/proc/%d/exe", child.pid);
    CHECK_ERRNO(readlink(path, link, sizeof link), ENOENT);

    CHECK_EXITED(status_of(child.pid), 0);
    for (int i = 0; i < kNames; i++) {
        CHECK_ERRNO(read(fd[i], &c, 1), ESRCH);
        close(fd[i]);
    }
    CHECK(openat(dir, "stat", O_RDONLY) == -1 && (errno == ENOENT || errno == ESRCH));
    char entries[512];
    CHECK_ERRNO(syscall(SYS_getdents64, dir, entries, sizeof entries), ENOENT);
    CHECK_ERRNO(syscall(SYS_getdents64, task, entries, sizeof entries), ENOENT);
    snprintf(path, sizeof path, "/proc/%d", child.pid);
    CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
    close(dir);
    close(task);
}

/* Every process is listed exactly once, however small the buffer. */
static void many(void) {
    enum { kChildren = 300 };
    static pid_t pids[kChildren];
    static char seen[4194304];
    int go[2];
    NEED(pipe(go) == 0);
    for (int i = 0; i < kChildren; i++) {
        if ((pids[i] = fork_or_die()) == 0) {
            char c;
            close(go[1]);
            _exit(read(go[0], &c, 1) != 0);
        }
    }
    int fd = open("/proc", O_RDONLY | O_DIRECTORY);
    NEED(fd >= 0);
    char entries[200];
    for (long got; (got = syscall(SYS_getdents64, fd, entries, sizeof entries)) != 0;) {
        NEED(got > 0);
        for (long at = 0; at < got;) {
            unsigned short length;
            memcpy(&length, entries + at + 16, sizeof length);
            int pid = atoi(entries + at + 19);
            if (pid > 0) NEED(seen[pid]++ == 0);
            at += length;
        }
    }
    close(fd);
    close(go[1]);
    for (int i = 0; i < kChildren; i++) CHECK(seen[pids[i]] == 1);
    CHECK(seen[getpid()] == 1 && seen[1] == 1);
    for (int i = 0; i < kChildren; i++) CHECK_EXITED(status_of(pids[i]), 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(who_it_is), CASE(status_lines), CASE(times), CASE(threads), CASE(names), CASE(places),
        CASE(open_files), CASE(limits), CASE(io_counts), CASE(places_in_the_kernel),
        CASE(small_files), CASE(oom_score_adj), CASE(death), CASE(many), END});
}
