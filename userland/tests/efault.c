/* Bad pointers: every call that takes one answers EFAULT, and goes on to work afterwards. */
#include "tests/check.h"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* How the arguments of a call are made, one letter each:
 *   r  a bad pointer that is read from        w  a bad pointer that is written to (also read-only)
 *   f  an open file        p, q  a pipe's read and write end, not empty      e  an epoll
 *   a  AT_FDCWD            n  a good name       m  a name that does not exist
 *   S  a signal number     0 1 2 4 6 8  that number     k  4096     h  24     z  64
 *   P  a mapped page       i  FIONREAD
 *   !  rights are looked at first: who has none may get EPERM */
struct call {
    long number;
    const char *name, *arguments;
};
#define CALL(name, arguments) \
    { SYS_##name, #name, arguments }
static const struct call kCalls[] = {
    CALL(read, "fwk"),
    CALL(read, "pw1"),
    CALL(write, "frk"),
    CALL(write, "qrk"),
    CALL(pread64, "fwk0"),
    CALL(pwrite64, "frk0"),
    CALL(readv, "fr1"),
    CALL(writev, "fr1"),
    CALL(preadv, "fr10"),
    CALL(pwritev, "fr10"),
    CALL(open, "r00"),
    CALL(openat, "ar00"),
    CALL(creat, "r0"),
    CALL(stat, "rw"),
    CALL(stat, "nw"),
    CALL(lstat, "nw"),
    CALL(fstat, "fw"),
    CALL(newfstatat, "ar00"),
    CALL(newfstatat, "anw0"),
    CALL(statx, "an0kw"),
    CALL(access, "r0"),
    CALL(faccessat, "ar0"),
    CALL(chmod, "r0"),
    CALL(fchmodat, "ar0"),
    CALL(chown, "r00"),
    CALL(lchown, "r00"),
    CALL(fchownat, "ar000"),
    CALL(utimensat, "ar00"),
    CALL(utimensat, "anr0"),
    CALL(truncate, "r0"),
    CALL(getdents64, "dwk"),
    CALL(getcwd, "wk"),
    CALL(chdir, "r"),
    CALL(mkdir, "r0"),
    CALL(mkdirat, "ar0"),
    CALL(rmdir, "r"),
    CALL(unlink, "r"),
    CALL(unlinkat, "ar0"),
    CALL(rename, "rn"),
    CALL(rename, "nr"),
    CALL(renameat, "aran"),
    CALL(link, "rm"),
    CALL(link, "nr"),
    CALL(linkat, "aram0"),
    CALL(symlink, "rm"),
    CALL(symlink, "nr"),
    CALL(symlinkat, "nar"),
    CALL(readlink, "rwk"),
    CALL(readlink, "swk"),
    CALL(readlinkat, "aswk"),
    CALL(mknod, "r00"),
    CALL(statfs, "rw"),
    CALL(statfs, "nw"),
    CALL(fstatfs, "fw"),
    CALL(sendfile, "qfw1"),
    CALL(poll, "w10"),
    CALL(ppoll, "r1000"),
    CALL(ppoll, "00r08"),
    CALL(select, "8r000"),
    CALL(select, "0000r"),
    CALL(pselect6, "8r0000"),
    CALL(epoll_ctl, "e1pr"),
    CALL(epoll_wait, "ew80"),
    CALL(pipe, "w"),
    CALL(pipe2, "w0"),
    CALL(fcntl, "f5r"),
    CALL(execve, "r00"),
    CALL(wait4, "c w00"),
    CALL(uname, "w"),
    CALL(gettimeofday, "w0"),
    CALL(gettimeofday, "0w"),
    CALL(clock_gettime, "0w"),
    CALL(clock_getres, "0w"),
    CALL(nanosleep, "r0"),
    CALL(clock_nanosleep, "00r0"),
    CALL(setitimer, "0r0"),
    CALL(getitimer, "0w"),
    CALL(times, "w"),
    CALL(getrusage, "0w"),
    CALL(getrlimit, "0w"),
    CALL(setrlimit, "0r"),
    CALL(prlimit64, "000w"),
    CALL(sysinfo, "w"),
    CALL(getgroups, "kw"),
    CALL(getresuid, "ww0"),
    CALL(getresgid, "w00"),
    CALL(rt_sigaction, "Sr08"),
    CALL(rt_sigaction, "S0w8"),
    CALL(rt_sigprocmask, "0r08"),
    CALL(rt_sigprocmask, "00w8"),
    CALL(rt_sigpending, "w8"),
    CALL(rt_sigtimedwait, "r008"),
    CALL(rt_sigsuspend, "r8"),
    CALL(sigaltstack, "r0"),
    CALL(sigaltstack, "0w"),
    CALL(rt_sigqueueinfo, "0Sr"),
    CALL(sched_getaffinity, "08w"),
    CALL(sched_setaffinity, "08r"),
    CALL(sched_getparam, "0w"),
    CALL(getrandom, "w80"),
    CALL(arch_prctl, "gw"),
    CALL(getcpu, "w00"),
    CALL(faccessat2, "ar00"),
    CALL(renameat2, "aran0"),
    CALL(mknodat, "ar00"),
    CALL(openat2, "anrh"),
    CALL(chroot, "r"),
    CALL(mount, "nrn00"),
    CALL(mount, "rnn00"),
    CALL(umount2, "!r0"),
    CALL(execveat, "ar000"),
    CALL(getdents, "dwk"),
    CALL(utimes, "r0"),
    CALL(utimes, "nr"),
    CALL(futimesat, "ar0"),
    CALL(futimesat, "anr"),
    CALL(futex, "r00000"),
    CALL(get_robust_list, "0ww"),
    CALL(mincore, "Pkw"),
    CALL(set_mempolicy, "2rz"),
    CALL(get_mempolicy, "w0000"),
    CALL(get_mempolicy, "0wk00"),
    CALL(mbind, "Pk2rz0"),
    CALL(preadv2, "fr1000"),
    CALL(pwritev2, "fr1000"),
    CALL(copy_file_range, "frf080"),
    CALL(rt_tgsigqueueinfo, "00Sr"),
    CALL(sched_setparam, "0r"),
    CALL(sched_setscheduler, "00r"),
    CALL(clock_settime, "0r"),
    CALL(settimeofday, "r0"),
    CALL(sethostname, "!r8"),
    CALL(setdomainname, "!r8"),
    CALL(waitid, "00w40"),
    CALL(clone3, "rz"),
    CALL(ioctl, "piw"),
    CALL(capget, "r0"),
    CALL(time, "w"),
};

static char *bad[6], *page;
enum { kReadOnly = 5 }; /* the last is bad for writing only */
static int file, pipe_ends[2], epoll, directory, count_bad = 6;

static long argument(char letter, const char* pointer) {
    switch (letter) {
    case 'r':
    case 'w': return (long)pointer;
    case 'f': return file;
    case 'd': return directory;
    case 'p': return pipe_ends[0];
    case 'q': return pipe_ends[1];
    case 'e': return epoll;
    case 'a': return AT_FDCWD;
    case 'n': return (long)"f";
    case 's': return (long)"link";
    case 'm': return (long)"missing";
    case 'S': return SIGUSR1;
    case 'c': return -1;
    case 'k': return 4096;
    case 'h': return 24;
    case 'z': return 64;
    case 'i': return 0x541b; /* FIONREAD */
    case 'P': return (long)page;
    case 'g': return 0x1003; /* ARCH_GET_FS */
    default: return letter - '0';
    }
}

static void try_call(const struct call* call, const char* pointer, int which) {
    long values[6] = {0};
    int n = 0;
    for (const char* letter = call->arguments; *letter; letter++) {
        if (*letter != ' ' && *letter != '!') values[n++] = argument(*letter, pointer);
    }
    /* A child to wait for, and input to read. */
    if ((call->number == SYS_wait4 || call->number == SYS_waitid) && fork_or_die() == 0) _exit(0);
    lseek(file, 0, SEEK_SET);
    lseek(directory, 0, SEEK_SET);
    errno = 0;
    long result =
        syscall(call->number, values[0], values[1], values[2], values[3], values[4], values[5]);
    if (result == -1 && errno == EFAULT) return;
    if (result == -1 && errno == EPERM && call->arguments[0] == '!') return;
    printf("# %s(%s) with bad pointer %d: result %ld, errno %d %s\n", call->name, call->arguments,
           which, result, errno, strerror(errno));
    failed_checks++;
}

static void prepare(void) {
    gid_t group = 0;
    if (getuid() == 0) NEED(setgroups(1, &group) == 0); /* so that getgroups() has something */
    bad[0] = (char*)8;
    bad[1] = (char*)0xffff888000000000; /* the kernel's half */
    bad[2] = (char*)0x00007ffffffff000; /* the end of ours */
    bad[3] = page_with(PROT_NONE);
    bad[4] = (char*)0x8000000000000000; /* no address at all */
    page = page_with(PROT_READ | PROT_WRITE);
    bad[kReadOnly] = page_with(PROT_READ);
    write_file("f", "some text", 9, 0644);
    NEED(symlink("f", "link") == 0);
    file = open("f", O_RDWR);
    directory = open(".", O_RDONLY);
    epoll = (int)syscall(SYS_epoll_create1, 0);
    NEED(pipe(pipe_ends) == 0 && write(pipe_ends[1], "xxxx", 4) == 4);
    struct {
        uint32_t events;
        uint64_t data;
    } __attribute__((packed)) event = {POLLOUT, 0};
    NEED(syscall(SYS_epoll_ctl, epoll, 1, pipe_ends[1], &event) == 0);
}

static void all_calls(void) {
    prepare();
    for (size_t i = 0; i < sizeof kCalls / sizeof *kCalls; i++) {
        const int writes = strchr(kCalls[i].arguments, 'w') && !strchr(kCalls[i].arguments, 'r');
        if (!strpbrk(kCalls[i].arguments, "rw")) continue;
        for (int k = 0; k < (writes ? count_bad : count_bad - 1); k++) {
            try_call(&kCalls[i], bad[k], k);
        }
    }
    char room[16];
    CHECK_EQ(pread(file, room, 16, 0), 9); /* nothing was spoilt */
    CHECK(memcmp(room, "some text", 9) == 0);
}

/* A buffer that is good at first: what could be moved counts. */
static void half_good(void) {
    char* end = before_the_end(3);
    char room[16];
    write_file("f", "0123456789", 10, 0644);
    int fd = open("f", O_RDWR), p[2];
    CHECK_EQ(read(fd, end, 10), 3);
    CHECK(memcmp(end, "012", 3) == 0);
    CHECK_EQ(pwrite(fd, memcpy(end, "abc", 3), 8, 0), 3);
    CHECK(pread(fd, room, 10, 0) == 10 && memcmp(room, "abc3456789", 10) == 0);
    NEED(pipe(p) == 0);
    struct iovec vector[2] = {{(void*)"good", 4}, {(void*)8, 4}};
    ssize_t written = writev(p[1], vector, 2);
    CHECK(written == 4 || (written == -1 && errno == EFAULT));
    strcpy(end, "nm"); /* a name that ends exactly where the page ends */
    CHECK_ERRNO(open(end, O_RDONLY), ENOENT);
    end[2] = 'x'; /* one without an end */
    CHECK_ERRNO(open(end, O_RDONLY), EFAULT);
}

/* A pipe loses nothing to a reader with a bad buffer. */
static void pipe_keeps(void) {
    int p[2];
    char room[8];
    NEED(pipe(p) == 0 && write(p[1], "keep", 4) == 4);
    CHECK_ERRNO(syscall(SYS_read, p[0], (char*)8, 4), EFAULT);
    CHECK(read(p[0], room, 8) == 4 && memcmp(room, "keep", 4) == 0);
    int fds[2] = {-7, -7}, lowest = dup(p[0]);
    close(lowest);
    CHECK_ERRNO(syscall(SYS_pipe, (int*)8), EFAULT);
    CHECK_EQ(dup(p[0]), lowest); /* no descriptor was left behind */
    CHECK(fds[0] == -7);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(all_calls), CASE(half_good), CASE(pipe_keeps), END});
}
