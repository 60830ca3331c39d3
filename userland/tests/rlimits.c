/* Limits that have effect: on the number of a user's tasks, processor time, sizes, descriptors,
 * niceness; and who may change whose. Runs as root. */
#include "tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { kUser = 4321, kOther = 4322 };

static void become(unsigned user) {
    NEED(syscall(SYS_setgroups, 0, NULL) == 0);
    NEED(syscall(SYS_setresgid, user, user, user) == 0);
    NEED(syscall(SYS_setresuid, user, user, user) == 0);
}
static int has_capability(int number) {
    unsigned header[2] = {0x20080522, 0}, data[6] = {};
    NEED(syscall(SYS_capget, header, data) == 0);
    return data[number / 32 * 3] >> number % 32 & 1;
}
enum { kSysResource = 24 }; /* CAP_SYS_RESOURCE; a container's root may lack it */
static void set_limit(int which, rlim_t soft, rlim_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    NEED(setrlimit(which, &limit) == 0);
}
static void soft_limit(int which, rlim_t soft) {
    struct rlimit limit;
    NEED(getrlimit(which, &limit) == 0);
    limit.rlim_cur = soft;
    NEED(setrlimit(which, &limit) == 0);
}

/* --- RLIMIT_NPROC ----------------------------------------------------------------------------- */

/* Forks sleepers until it fails; returns how many there are. They end with the pipe. */
static int fork_many(int most, int* pipe_end) {
    int p[2], count = 0;
    char c;
    NEED(pipe(p) == 0);
    for (; count < most; count++) {
        pid_t pid = fork();
        if (pid < 0) break;
        if (pid == 0) {
            close(p[1]);
            _exit(read(p[0], &c, 1) != 0);
        }
    }
    int error = errno;
    close(p[0]);
    *pipe_end = p[1];
    errno = error;
    return count;
}
static void reap(int count) {
    for (int i = 0; i < count; i++) {
        int status;
        NEED(wait(&status) > 0);
    }
}

static void* do_nothing(void* unused) { return unused; }

static void processes_of_a_user(void) {
    int end;
    pthread_t thread;
    set_limit(RLIMIT_NPROC, 5, 10);
    become(kUser);
    CHECK_EQ(fork_many(20, &end), 4); /* the fifth is this one */
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), EAGAIN); /* threads count, too */
    soft_limit(RLIMIT_NPROC, 6);
    pid_t zombie = fork();
    CHECK(zombie >= 0);
    if (zombie == 0) _exit(0);
    siginfo_t info;
    NEED(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT) == 0);
    CHECK_ERRNO(fork(), EAGAIN); /* who is not buried counts */
    NEED(waitpid(zombie, NULL, 0) == zombie);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) _exit(0);
    NEED(waitpid(pid, NULL, 0) == pid);
    close(end);
    reap(4);
    CHECK_EQ(fork_many(5, &end), 5);
    close(end);
    reap(5);
}

/* Root's tasks are never refused, nor those of who has the capability; others do not count. */
static void who_is_exempt(void) {
    int end, mine;
    set_limit(RLIMIT_NPROC, 1, 1);
    CHECK_EQ(fork_many(5, &end), 5);
    close(end);
    reap(5);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        become(kUser);
        CHECK_EQ(fork_many(3, &mine), 0);
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
    pid = fork_or_die();
    if (pid == 0) {
        NEED(prctl(PR_SET_KEEPCAPS, 1) == 0);
        NEED(setresuid(kUser, kUser, kUser) == 0);
        unsigned header[2] = {0x20080522, 0}, data[6] = {};
        data[0] = data[1] = 1u << 21; /* CAP_SYS_ADMIN */
        NEED(syscall(SYS_capset, header, data) == 0);
        CHECK_EQ(fork_many(3, &mine), 3);
        close(mine);
        reap(3);
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
}

/* setuid() into a user with too many tasks works; the next execve() does not. */
static void too_many_after_setuid(void) {
    int end;
    pid_t crowd = fork_or_die();
    if (crowd == 0) {
        become(kOther);
        CHECK_EQ(fork_many(3, &end), 3);
        raise(SIGSTOP);
        close(end);
        reap(3);
        _exit(0);
    }
    NEED(waitpid(crowd, NULL, WUNTRACED) == crowd);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char* argv[] = {"true", NULL};
        set_limit(RLIMIT_NPROC, 3, 3);
        become(kOther);
        CHECK_ERRNO(execve("/bin/true", argv, argv + 1), EAGAIN);
        CHECK_ERRNO(execve("/nowhere", argv, argv + 1), EAGAIN);
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(pid), 0);
    kill(crowd, SIGCONT);
    CHECK_EXITED(status_of(crowd), 0);
}

/* --- RLIMIT_CPU ------------------------------------------------------------------------------- */

static volatile int warnings;
static void on_warning(int signal) {
    (void)signal;
    warnings++;
}
static void burn_two_seconds(void) {
    signal(SIGXCPU, on_warning);
    set_limit(RLIMIT_CPU, 1, 2);
    for (;;) continue;
}
static void burn_with_default(void) {
    set_limit(RLIMIT_CPU, 1, RLIM_INFINITY);
    for (;;) continue;
}
static void processor_time(void) {
    CHECK_KILLED(in_child(burn_with_default), SIGXCPU);
    pid_t pid = fork_or_die();
    if (pid == 0) burn_two_seconds();
    struct rusage usage;
    int status;
    NEED(wait4(pid, &status, 0, &usage) == pid);
    CHECK_KILLED(status, SIGKILL);
    long ms = usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
              usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000;
    CHECK(ms >= 1900 && ms < 4000);
}
static void burn_for_warnings(void) {
    signal(SIGXCPU, on_warning);
    set_limit(RLIMIT_CPU, 1, 20);
    while (warnings < 2) continue; /* again after each second */
    struct rlimit limit;
    NEED(getrlimit(RLIMIT_CPU, &limit) == 0);
    CHECK(limit.rlim_cur >= 2 && limit.rlim_max == 20);
}
static void processor_time_warnings(void) { CHECK_EXITED(in_child(burn_for_warnings), 0); }

/* --- sizes ------------------------------------------------------------------------------------ */

static volatile int too_large;
static void on_too_large(int signal) {
    (void)signal;
    too_large++;
}
static void die_of_size(void) {
    char bytes[200] = {};
    set_limit(RLIMIT_FSIZE, 100, 100);
    int fd = open("small", O_WRONLY | O_CREAT, 0600);
    NEED(fd >= 0 && write(fd, bytes, 200) == 100);
    (void)!write(fd, bytes, 1);
}
static void file_size(void) {
    char bytes[200] = {};
    CHECK_KILLED(in_child(die_of_size), SIGXFSZ);
    signal(SIGXFSZ, on_too_large);
    soft_limit(RLIMIT_FSIZE, 100);
    int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, bytes, 200), 100); /* as much as fits */
    CHECK_EQ(too_large, 0);
    CHECK_ERRNO(write(fd, bytes, 1), EFBIG);
    CHECK_EQ(too_large, 1);
    CHECK_ERRNO(pwrite(fd, bytes, 1, 100), EFBIG);
    CHECK_ERRNO(ftruncate(fd, 101), EFBIG);
    CHECK_ERRNO(posix_fallocate(fd, 0, 101) ? (errno = EFBIG, -1) : 0, EFBIG);
    CHECK_EQ(too_large, 4);
    CHECK_EQ(pwrite(fd, bytes, 10, 95), 5);
    CHECK_EQ(ftruncate(fd, 100), 0);
    int p[2];
    NEED(pipe(p) == 0);
    CHECK_EQ(write(p[1], bytes, 200), 200); /* files only */
    CHECK_EQ(too_large, 4);
}

static void descriptors(void) {
    int fd[20], count = 0;
    soft_limit(RLIMIT_NOFILE, 10);
    while (count < 20 && (fd[count] = open("/dev/null", O_RDONLY)) >= 0) count++;
    CHECK(count <= 7 && errno == EMFILE && fd[count - 1] == 9);
    CHECK_ERRNO(dup(0), EMFILE);
    CHECK_ERRNO(dup2(0, 10), EBADF);
    CHECK_EQ(dup2(0, 9), 9);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 10), EINVAL);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 9), EMFILE);
    int p[2];
    CHECK_ERRNO(pipe(p), EMFILE);
    soft_limit(RLIMIT_NOFILE, 3);
    CHECK_EQ(close(9), 0); /* what is open stays usable */
    CHECK_ERRNO(dup(0), EMFILE);
    close(1);
    CHECK_EQ(dup(0), 1);
}

static int deep(int levels) {
    volatile char room[4096];
    memset((char*)room, levels, sizeof room);
    return levels == 0 ? room[100] : deep(levels - 1) + room[5];
}
static void use_a_megabyte(void) { deep(250); }
static void stack(void) {
    CHECK_EXITED(in_child(use_a_megabyte), 0);
    soft_limit(RLIMIT_STACK, 512 * 1024);
    CHECK_KILLED(in_child(use_a_megabyte), SIGSEGV);
    /* A quarter of it is for arguments, but 128 KiB always are. */
    static char word[100 * 1024];
    memset(word, 'x', sizeof word - 1);
    char* argv[] = {"true", word, word, NULL};
    char* none[] = {NULL};
    CHECK_ERRNO(execve("/bin/true", argv, none), E2BIG);
}

static void* map(size_t bytes, int protection) {
    return mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void address_space(void) {
    enum { kMiB = 1024 * 1024 };
    char* area = map(8 * kMiB, PROT_READ | PROT_WRITE);
    NEED(area != MAP_FAILED);
    soft_limit(RLIMIT_AS, 32 * kMiB);
    CHECK_ERRNO(map(32 * kMiB, PROT_READ), ENOMEM);
    CHECK_ERRNO(map(32 * kMiB, PROT_NONE), ENOMEM);
    CHECK_ERRNO(mremap(area, 8 * kMiB, 64 * kMiB, MREMAP_MAYMOVE), ENOMEM);
    char* now = (char*)syscall(SYS_brk, 0);
    CHECK((char*)syscall(SYS_brk, now + 64 * kMiB) == now);
    CHECK(map(4 * kMiB, PROT_READ) != MAP_FAILED);
    NEED(munmap(area, 8 * kMiB) == 0);
    CHECK(map(8 * kMiB, PROT_READ) != MAP_FAILED);
}
static void data(void) {
    enum { kMiB = 1024 * 1024 };
    char* area = map(32 * kMiB, PROT_READ);
    NEED(area != MAP_FAILED);
    soft_limit(RLIMIT_DATA, 16 * kMiB);
    CHECK_ERRNO(map(32 * kMiB, PROT_READ | PROT_WRITE), ENOMEM);
    CHECK(map(32 * kMiB, PROT_READ) != MAP_FAILED); /* what nobody writes is no data */
    CHECK_ERRNO(mprotect(area, 32 * kMiB, PROT_READ | PROT_WRITE), ENOMEM);
    CHECK_EQ(mprotect(area, 4 * kMiB, PROT_READ | PROT_WRITE), 0);
    char* now = (char*)syscall(SYS_brk, 0);
    CHECK((char*)syscall(SYS_brk, now + 32 * kMiB) == now);
    CHECK(mmap(NULL, 32 * kMiB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
          MAP_FAILED);
}

/* --- niceness --------------------------------------------------------------------------------- */

static void niceness(void) {
    if (!has_capability(kSysResource)) skip_case("needs CAP_SYS_RESOURCE");
    set_limit(RLIMIT_NICE, 20 - 5, 20 - 5); /* down to 5 */
    NEED(setpriority(PRIO_PROCESS, 0, 10) == 0);
    become(kUser);
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, 4), EACCES);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 19), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
}

/* --- whose limits ----------------------------------------------------------------------------- */

static pid_t start_sleeper_as(unsigned user) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        if (user) become(user);
        raise(SIGSTOP);
        _exit(0);
    }
    NEED(waitpid(pid, NULL, WUNTRACED) == pid);
    return pid;
}
static void end_of(pid_t pid) {
    kill(pid, SIGKILL);
    status_of(pid);
}
#define PRLIMIT(pid, which, new, old) syscall(SYS_prlimit64, pid, which, new, old)

static void others(void) {
    struct rlimit old, new = {.rlim_cur = 33, .rlim_max = 44};
    pid_t mine = start_sleeper_as(kUser), roots = start_sleeper_as(0),
          strange = start_sleeper_as(kOther);
    CHECK_EQ(PRLIMIT(mine, RLIMIT_CORE, NULL, &old), has_capability(kSysResource) ? 0 : -1);
    become(kUser);
    CHECK_EQ(PRLIMIT(mine, RLIMIT_NOFILE, &new, &old), 0);
    CHECK_EQ(PRLIMIT(mine, RLIMIT_NOFILE, NULL, &old), 0);
    CHECK(old.rlim_cur == 33 && old.rlim_max == 44);
    new.rlim_max = 45;
    CHECK_ERRNO(PRLIMIT(mine, RLIMIT_NOFILE, &new, NULL), EPERM); /* up only with a capability */
    CHECK_ERRNO(PRLIMIT(roots, RLIMIT_NOFILE, NULL, &old), EPERM);
    CHECK_ERRNO(PRLIMIT(strange, RLIMIT_NOFILE, NULL, &old), EPERM);
    CHECK_ERRNO(PRLIMIT(strange, RLIMIT_NOFILE, &new, NULL), EPERM);
    end_of(mine);
    CHECK_ERRNO(PRLIMIT(mine, RLIMIT_NOFILE, NULL, &old), ESRCH);
    _exit(failed_checks != 0); /* the others are root's to end */
}
static void whose(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        others();
    }
    CHECK_EXITED(status_of(pid), 0);
    kill(-pid, SIGKILL);
}

static void bad_arguments(void) {
    struct rlimit limit = {.rlim_cur = 10, .rlim_max = 5};
    CHECK_ERRNO(setrlimit(RLIMIT_CORE, &limit), EINVAL);
    limit.rlim_max = 10;
    for (int which = 16; which < 20; which++) {
        CHECK_ERRNO(syscall(SYS_setrlimit, which, &limit), EINVAL);
        CHECK_ERRNO(syscall(SYS_getrlimit, which, &limit), EINVAL);
        CHECK_ERRNO(PRLIMIT(0, which, NULL, NULL), EINVAL);
    }
    CHECK_ERRNO(syscall(SYS_getrlimit, -1, &limit), EINVAL);
    CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CORE, unmapped_page()), EFAULT);
    CHECK_ERRNO(syscall(SYS_getrlimit, RLIMIT_CORE, unmapped_page()), EFAULT);
    CHECK_ERRNO(PRLIMIT(0, RLIMIT_CORE, NULL, unmapped_page()), EFAULT);
    CHECK_ERRNO(PRLIMIT(0, RLIMIT_CORE, before_the_end(8), NULL), EFAULT);
    CHECK_ERRNO(PRLIMIT(-1, RLIMIT_CORE, NULL, &limit), ESRCH);
    CHECK_ERRNO(PRLIMIT(0x7fffffff, RLIMIT_CORE, NULL, &limit), ESRCH);
    CHECK_EQ(PRLIMIT(0, RLIMIT_CORE, NULL, NULL), 0);
    limit.rlim_cur = limit.rlim_max = 1ul << 40;
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(processes_of_a_user), CASE(who_is_exempt), CASE(too_many_after_setuid),
        CASE(processor_time), CASE(processor_time_warnings), CASE(file_size), CASE(descriptors),
        CASE(stack), CASE(address_space), CASE(data), CASE(niceness), CASE(whose),
        CASE(bad_arguments), END});
}
