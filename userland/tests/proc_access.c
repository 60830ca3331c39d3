/* Who may read what below /proc/<pid>: everybody the status, and only who could trace the process
 * what it has in memory, in its descriptors, and where it is. Runs as root. */
#include "tests/proc_text.h"

#include <sys/prctl.h>

static const char* const secrets[] = {"environ",     "auxv", "io",    "syscall",
                                      "personality", "maps", "smaps", "smaps_rollup"};
static const char* const links[] = {"exe", "cwd", "root", "fd/0"};
static const char* const public_files[] = {"stat",  "status", "statm",     "cmdline",
                                           "comm",  "limits", "oom_score", "oom_score_adj",
                                           "wchan", "cgroup"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static pid_t target;
static const char* path_of(const char* name) {
    static char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", target, name);
    return path;
}

static void all_is_open(void) {
    char link[300];
    for (size_t i = 0; i < COUNT(secrets); i++) CHECK(proc_file(target, secrets[i]));
    for (size_t i = 0; i < COUNT(links); i++) CHECK(readlink(path_of(links[i]), link, 299) > 0);
    CHECK(proc_file(target, "fdinfo/0"));
    CHECK(stat_field(proc_file(target, "stat"), 26) > 1);
}

static void only_the_status_is_open(void) {
    char link[300];
    for (size_t i = 0; i < COUNT(public_files); i++) CHECK(proc_file(target, public_files[i]));
    for (size_t i = 0; i < COUNT(secrets); i++) {
        CHECK_ERRNO(open(path_of(secrets[i]), O_RDONLY), EACCES);
    }
    for (size_t i = 0; i < COUNT(links); i++) {
        CHECK_ERRNO(readlink(path_of(links[i]), link, 299), EACCES);
    }
    CHECK_ERRNO(open(path_of("exe"), O_RDONLY), EACCES);
    CHECK_ERRNO(open(path_of("fd"), O_RDONLY), EACCES);
    CHECK_ERRNO(open(path_of("fdinfo"), O_RDONLY), EACCES);
    CHECK_ERRNO(open(path_of("comm"), O_WRONLY), EACCES);
    CHECK(strcmp(proc_file(target, "wchan"), "0") == 0);
    const char* stat = proc_file(target, "stat");
    CHECK_EQ(stat_field(stat, 26), 1); /* addresses are hidden */
    CHECK_EQ(stat_field(stat, 28), 0);
    CHECK_EQ(stat_field(stat, 48), 0);
    CHECK_EQ(stat_field(stat, 35), 0);
}

static void root_sees_all(void) {
    struct sleeper child = start_sleeper(become_plain_user);
    target = child.pid;
    all_is_open();
    CHECK(strstr(proc_file(target, "status"), "\nUid:\t1234\t1234\t1234\t1234\n"));
    CHECK(strlen(proc_file(target, "wchan")) > 3);
    struct stat info;
    CHECK(stat(path_of("environ"), &info) == 0 && info.st_uid == PLAIN_USER &&
          (info.st_mode & 07777) == 0400);
    CHECK(stat(path_of(""), &info) == 0 && info.st_uid == PLAIN_USER && info.st_gid == PLAIN_USER);
    end_sleeper(child);
}

static void users_do_not_see_root(void) {
    struct sleeper child = start_sleeper(NULL);
    target = child.pid;
    become_plain_user();
    only_the_status_is_open();
}

static void users_see_their_own(void) {
    become_plain_user();
    struct sleeper child = start_sleeper(NULL);
    target = child.pid;
    all_is_open();
    char c;
    int stack = open(path_of("stack"), O_RDONLY);
    CHECK_ERRNO(read(stack, &c, 1), EACCES); /* root's alone */
    CHECK_ERRNO(open(path_of("stat"), O_WRONLY), EACCES);
}

static void become_undumpable(void) { NEED(prctl(PR_SET_DUMPABLE, 0) == 0); }
static void secretive_programs(void) {
    become_plain_user();
    struct sleeper child = start_sleeper(become_undumpable);
    target = child.pid;
    only_the_status_is_open();
    struct stat info;
    CHECK(stat(path_of("environ"), &info) == 0 && info.st_uid == 0);
    CHECK(stat(path_of(""), &info) == 0 && info.st_uid == PLAIN_USER);
    become_undumpable();
    target = getpid();
    CHECK(proc_file(0, "stat"));
    CHECK_ERRNO(open("/proc/self/environ", O_RDONLY),
                EACCES); /* it is root's now, like all others */
}

/* A file opened by who may, read after the process has become somebody else. */
static void rights_are_asked_again(void) {
    struct sleeper child = start_sleeper(NULL);
    target = child.pid;
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char c;
        int io = open(path_of("io"), O_RDONLY), where = open(path_of("syscall"), O_RDONLY);
        NEED(io >= 0 && where >= 0);
        become_plain_user();
        CHECK_ERRNO(read(io, &c, 1), EACCES);
        CHECK_ERRNO(read(where, &c, 1), EPERM);
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
    end_sleeper(child);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(root_sees_all), CASE(users_do_not_see_root),
                                          CASE(users_see_their_own), CASE(secretive_programs),
                                          CASE(rights_are_asked_again), END});
}
