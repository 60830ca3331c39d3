/* Pipes and fifos. */
#include "tests/check.h"

#include <sys/ioctl.h>

static volatile sig_atomic_t caught;
static void note(int signal) { caught = signal; }

static void basic(void) {
    int p[2];
    char room[8];
    NEED(pipe(p) == 0);
    CHECK_EQ(write(p[1], "hello", 5), 5);
    int waiting = 0;
    CHECK(ioctl(p[0], FIONREAD, &waiting) == 0 && waiting == 5);
    CHECK_EQ(read(p[0], room, 3), 3);
    CHECK_EQ(read(p[0], room, 8), 2);
    close(p[1]);
    CHECK_EQ(read(p[0], room, 8), 0);
    CHECK_ERRNO(lseek(p[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERRNO(write(p[0], "x", 1), EBADF);
}

static void broken(void) {
    int p[2];
    NEED(pipe(p) == 0);
    close(p[0]);
    signal(SIGPIPE, note);
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(caught, SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
}

static void die_of_pipe(void) {
    int p[2];
    NEED(pipe(p) == 0);
    close(p[0]);
    signal(SIGPIPE, SIG_DFL);
    (void)!write(p[1], "x", 1);
}
static void killed(void) { CHECK_KILLED(in_child(die_of_pipe), SIGPIPE); }

/* The last reader goes when it has read a part: the write says how much went, and yet there is a
 * signal. */
static void broken_halfway(void) {
    enum { kBytes = 200000 };
    static char block[kBytes];
    int p[2];
    NEED(pipe(p) == 0);
    signal(SIGPIPE, note);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        close(p[1]);
        for (int got = 0; got < 50000;) got += (int)read(p[0], block, 50000 - got);
        usleep(20000);
        _exit(0);
    }
    close(p[0]);
    const long written = write(p[1], block, kBytes);
    CHECK(written >= 50000 && written < kBytes);
    CHECK_EQ(caught, SIGPIPE);
    CHECK_EXITED(status_of(pid), 0);
}

static void nonblocking(void) {
    int p[2];
    char block[4096] = {0};
    NEED(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(read(p[0], block, 1), EAGAIN);
    long total = 0;
    ssize_t n;
    while ((n = write(p[1], block, sizeof block)) > 0) total += n;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(total, 65536);
    CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 65536);
    CHECK_EQ(read(p[0], block, 1), 1);
    CHECK_ERRNO(write(p[1], block, 4096), EAGAIN); /* no room for all of an atomic write */
    CHECK_ERRNO(pipe2(p, 0x40000000), EINVAL);
}

/* Several writers of PIPE_BUF bytes each: their pieces never mix. */
static void atomic_writes(void) {
    enum { kWriters = 4, kRounds = 40, kPiece = 4096 };
    int p[2];
    char piece[kPiece];
    NEED(pipe(p) == 0);
    for (int w = 0; w < kWriters; w++) {
        if (fork_or_die() != 0) continue;
        memset(piece, 'a' + w, kPiece);
        for (int i = 0; i < kRounds; i++) NEED(write(p[1], piece, kPiece) == kPiece);
        _exit(0);
    }
    close(p[1]);
    for (int i = 0; i < kWriters * kRounds; i++) {
        size_t got = 0;
        while (got < kPiece) {
            ssize_t n = read(p[0], piece + got, kPiece - got);
            NEED(n > 0);
            got += (size_t)n;
        }
        for (int k = 1; k < kPiece; k++) NEED(piece[k] == piece[0]);
    }
    CHECK_EQ(read(p[0], piece, 1), 0);
    for (int w = 0; w < kWriters; w++) CHECK_EXITED(status_of(-1), 0);
}

/* A stream larger than the pipe goes through complete and in order. */
static void large_stream(void) {
    enum { kTotal = 1 << 20 };
    int p[2];
    NEED(pipe(p) == 0);
    pid_t writer = fork_or_die();
    if (writer == 0) {
        static unsigned char bytes[kTotal];
        for (int i = 0; i < kTotal; i++) bytes[i] = (unsigned char)(i * 7 + (i >> 8));
        close(p[0]);
        NEED(write(p[1], bytes, kTotal) == kTotal);
        _exit(0);
    }
    close(p[1]);
    unsigned char room[777];
    int at = 0;
    ssize_t n;
    while ((n = read(p[0], room, sizeof room)) > 0) {
        for (ssize_t i = 0; i < n; i++, at++) NEED(room[i] == (unsigned char)(at * 7 + (at >> 8)));
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(at, kTotal);
    CHECK_EXITED(status_of(writer), 0);
}

static void interrupted(void) {
    int p[2];
    char room[1];
    NEED(pipe(p) == 0);
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGUSR1, &action, NULL); /* no SA_RESTART */
    pid_t parent = getpid(), child = fork_or_die();
    if (child == 0) {
        for (int i = 0; i < 50; i++) {
            usleep(20000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    CHECK_ERRNO(read(p[0], room, 1), EINTR);
    action.sa_handler = SIG_IGN;
    sigaction(SIGUSR1, &action, NULL);
    kill(child, SIGKILL);
    status_of(child);
}

static void fifos(void) {
    char room[8];
    NEED(mkfifo("fifo", 0600) == 0);
    CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    pid_t child = fork_or_die();
    if (child == 0) {
        int fd = open("fifo", O_WRONLY); /* waits for the reader */
        NEED(fd >= 0);
        NEED(write(fd, "fifo", 4) == 4);
        _exit(0);
    }
    int fd = open("fifo", O_RDONLY);
    NEED(fd >= 0);
    CHECK_EQ(read(fd, room, 8), 4);
    CHECK(memcmp(room, "fifo", 4) == 0);
    CHECK_EQ(read(fd, room, 8), 0);
    CHECK_EXITED(status_of(child), 0);
    struct stat st;
    CHECK(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
}

/* Open for both, a fifo has a reader and a writer already: nothing waits for another. */
static void both_ends(void) {
    char room[8];
    NEED(mkfifo("fifo", 0600) == 0);
    int both = open("fifo", O_RDWR);
    NEED(both >= 0);
    CHECK_EQ(write(both, "abc", 3), 3);
    int writer = open("fifo", O_WRONLY | O_NONBLOCK), reader = open("fifo", O_RDONLY);
    NEED(writer >= 0 && reader >= 0);
    CHECK_EQ(write(writer, "de", 2), 2);
    CHECK_EQ(read(both, room, 4), 4);
    CHECK(memcmp(room, "abcd", 4) == 0);
    CHECK_EQ(read(reader, room, 8), 1);
    close(writer);
    NEED(fcntl(reader, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERRNO(read(reader, room, 8), EAGAIN); /* not the end: `both` may write */
    close(reader);
    CHECK_EQ(write(both, "x", 1), 1); /* nor broken: it may read, too */
    close(both);
    /* What nobody had read is gone with the last of them. */
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    NEED(reader >= 0);
    CHECK_EQ(read(reader, room, 8), 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(basic), CASE(broken), CASE(killed),
                                          CASE(broken_halfway), CASE(nonblocking),
                                          CASE(atomic_writes), CASE(large_stream),
                                          CASE(interrupted), CASE(fifos), CASE(both_ends), END});
}
