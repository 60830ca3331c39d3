/* Advisory file locks: record locks of fcntl and whole-file locks of flock. */
#include "tests/check.h"

#include <sys/file.h>

static int set(int fd, int command, short type, long start, long length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &lock);
}

/* The type of the lock that stands in the way of an exclusive one, as another process sees it. */
static int seen_by_child(int fd, long start, long length, struct flock* conflict) {
    int p[2];
    NEED(pipe(p) == 0);
    const pid_t child = fork();
    if (child == 0) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        fcntl(fd, F_GETLK, &lock);
        (void)!write(p[1], &lock, sizeof lock);
        _exit(0);
    }
    NEED(read(p[0], conflict, sizeof *conflict) == sizeof *conflict);
    waitpid(child, NULL, 0);
    close(p[0]);
    close(p[1]);
    return conflict->l_type;
}

static void ranges(void) {
    struct flock other;
    const int fd = open("f", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 10, 20), 0);
    CHECK_EQ(seen_by_child(fd, 0, 10, &other), F_UNLCK);
    CHECK_EQ(seen_by_child(fd, 0, 11, &other), F_WRLCK);
    CHECK_EQ(other.l_start, 10);
    CHECK_EQ(other.l_len, 20);
    CHECK_EQ(other.l_pid, getpid());
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 15, 5), 0); /* cut in two */
    CHECK_EQ(seen_by_child(fd, 15, 5, &other), F_UNLCK);
    CHECK_EQ(seen_by_child(fd, 12, 1, &other), F_WRLCK);
    CHECK_EQ(other.l_len, 5);
    CHECK_EQ(seen_by_child(fd, 25, 1, &other), F_WRLCK);
    CHECK_EQ(set(fd, F_SETLK, F_RDLCK, 20, 0), 0); /* weaker, to the end */
    CHECK_EQ(seen_by_child(fd, 1000, 1, &other), F_RDLCK);
    CHECK_EQ(other.l_len, 0);
}

static void errors(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
    const int fd = open("f", O_RDONLY | O_CREAT, 0600);
    CHECK_ERRNO(fcntl(fd, F_SETLK, &lock), EINVAL);
    CHECK_ERRNO(set(fd, F_SETLK, F_WRLCK, 0, 0), EBADF);
    CHECK_EQ(set(fd, F_SETLK, F_RDLCK, 0, 0), 0);
    CHECK_ERRNO(set(fd, F_SETLK, 9, 0, 0), EINVAL);
    CHECK_ERRNO(set(fd, F_SETLK, F_RDLCK, 0x7fffffffffffffff, 0x7fffffffffffffff), EOVERFLOW);
    CHECK_ERRNO(syscall(SYS_fcntl, fd, F_SETLK, 8), EFAULT);
    CHECK_ERRNO(set(99, F_SETLK, F_RDLCK, 0, 0), EBADF);
    CHECK_ERRNO(flock(fd, 0), EINVAL);
}

/* Another process gets the lock when its holder closes any descriptor of the file. */
static void released_by_close(void) {
    const int fd = open("f", O_RDWR | O_CREAT, 0600);
    NEED(set(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
    const pid_t child = fork();
    if (child == 0) {
        if (set(fd, F_SETLK, F_WRLCK, 0, 0) == 0 || errno != EAGAIN) _exit(1);
        _exit(set(fd, F_SETLKW, F_WRLCK, 0, 0) == 0 ? 0 : 2);
    }
    usleep(50000);
    close(open("f", O_RDONLY));
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void deadlock(void) {
    const int fd = open("f", O_RDWR | O_CREAT, 0600);
    int p[2];
    NEED(pipe(p) == 0 && set(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    const pid_t child = fork();
    if (child == 0) {
        if (set(fd, F_SETLK, F_WRLCK, 1, 1) != 0) _exit(1);
        (void)!write(p[1], "x", 1);
        _exit(set(fd, F_SETLKW, F_WRLCK, 0, 1) == 0 ? 0 : 2); /* until the parent lets go */
    }
    char byte;
    NEED(read(p[0], &byte, 1) == 1);
    usleep(50000);
    CHECK_ERRNO(set(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void whole_files(void) {
    const int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDWR);
    CHECK_EQ(flock(a, LOCK_SH), 0);
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(a, LOCK_UN), 0);
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(set(a, F_SETLK, F_WRLCK, 0, 0), 0); /* the two kinds ignore each other */
    const int same = dup(b);
    close(b); /* the open file lives on in `same`, and so does its lock */
    CHECK_ERRNO(flock(a, LOCK_SH | LOCK_NB), EAGAIN);
    close(same);
    CHECK_EQ(flock(a, LOCK_SH | LOCK_NB), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(ranges), CASE(errors), CASE(released_by_close),
                                          CASE(deadlock), CASE(whole_files), END});
}
