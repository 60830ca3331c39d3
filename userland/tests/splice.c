/* splice, tee, vmsplice; pipes of packets; how large pipes may be. */
#include "tests/check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif
enum { kPage = 4096, kPipe = 65536 };

static int waiting_in(int fd) {
    int count = -1;
    NEED(ioctl(fd, FIONREAD, &count) == 0);
    return count;
}
/* The pipe holds exactly this. */
static void check_read(int fd, const char* text) {
    char room[256] = {0};
    CHECK_EQ(waiting_in(fd), strlen(text));
    CHECK_EQ(read(fd, room, sizeof room), strlen(text));
    CHECK(strcmp(room, text) == 0);
}
static void put(int fd, const char* text) { CHECK_EQ(write(fd, text, strlen(text)), strlen(text)); }
/* A file with `text`, at its beginning. */
static int file_with(const char* text) {
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    NEED(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* --- splice ------------------------------------------------------------------------------------
 */

static void from_file(void) {
    int p[2], file = file_with("0123456789");
    NEED(pipe(p) == 0);
    CHECK_EQ(splice(file, NULL, p[1], NULL, 4, 0), 4);
    check_read(p[0], "0123");
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 4);
    off_t at = 7;
    CHECK_EQ(splice(file, &at, p[1], NULL, 100, 0), 3);
    CHECK_EQ(at, 10);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 4);
    check_read(p[0], "789");
    CHECK_EQ(splice(file, &at, p[1], NULL, 100, 0), 0); /* its end */
    NEED(ftruncate(file, 200000) == 0);
    at = 0;
    CHECK_EQ(splice(file, &at, p[1], NULL, 200000, SPLICE_F_MOVE | SPLICE_F_MORE), kPipe);
    CHECK_EQ(at, kPipe);
    CHECK_ERRNO(splice(file, &at, p[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(waiting_in(p[0]), kPipe);
}

static void to_file(void) {
    char room[16] = {0};
    int p[2], file = file_with("..........");
    NEED(pipe(p) == 0);
    put(p[1], "abcdef");
    CHECK_EQ(splice(p[0], NULL, file, NULL, 4, 0), 4);
    off_t at = 6;
    CHECK_EQ(splice(p[0], NULL, file, &at, 100, 0), 2);
    CHECK_EQ(at, 8);
    CHECK_EQ(pread(file, room, 16, 0), 10);
    CHECK(strcmp(room, "abcd..ef..") == 0);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 4);
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    NEED(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, 0), EAGAIN);
    close(p[1]);
    CHECK_EQ(splice(p[0], NULL, file, NULL, 1, 0), 0);
}

static void from_pipe_to_pipe(void) {
    int a[2], b[2];
    NEED(pipe(a) == 0 && pipe(b) == 0);
    put(a[1], "hello ");
    put(a[1], "world");
    CHECK_EQ(splice(a[0], NULL, b[1], NULL, 8, 0), 8);
    put(b[1], "!");
    put(a[1], "?");
    check_read(b[0], "hello wo!");
    check_read(a[0], "rld?");
    CHECK_ERRNO(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(a[0], NULL, b[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    close(a[1]);
    CHECK_EQ(splice(a[0], NULL, b[1], NULL, 1, 0), 0);
}

/* Half a pipe's pages go round and round in pieces, and nothing is lost or comes twice. */
static void round_and_round(void) {
    enum { kRounds = 100, kBytes = 8 * kPage };
    static char sent[kBytes], got[kBytes];
    int a[2], b[2];
    NEED(pipe(a) == 0 && pipe(b) == 0);
    for (int i = 0; i < kBytes; i++) sent[i] = (char)(i * 7 + i / 256);
    for (int round = 0; round < kRounds; round++) {
        NEED(write(a[1], sent, kBytes) == kBytes);
        for (long left = kBytes; left > 0;) {
            const long wanted = 1 + (left * 31 + round * 977) % 9000;
            long moved = splice(a[0], NULL, b[1], NULL, wanted, SPLICE_F_NONBLOCK);
            if (moved == -1 && errno == EAGAIN) break; /* a part of a page takes a slot, too */
            NEED(moved > 0 && moved <= wanted);
            left -= moved;
        }
        const int there = waiting_in(b[0]);
        NEED(there > 0 && there + waiting_in(a[0]) == kBytes);
        NEED(read(b[0], got, there) == there);
        if (there < kBytes) NEED(read(a[0], got + there, kBytes - there) == kBytes - there);
        CHECK(memcmp(sent, got, kBytes) == 0);
    }
}

static volatile sig_atomic_t broken_pipes;
static void count_pipe(int signal) { broken_pipes += signal == SIGPIPE; }
static void errors(void) {
    int p[2], q[2], file = file_with("text");
    int append = open("file", O_WRONLY | O_APPEND), readable = open("file", O_RDONLY);
    off_t at = 0, negative = -1;
    NEED(pipe(p) == 0 && pipe(q) == 0 && append >= 0);
    put(p[1], "x");
    CHECK_ERRNO(splice(file, NULL, readable, NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(file, NULL, file, NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(p[1], NULL, file, NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(p[0], &at, file, NULL, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(file, NULL, p[1], &at, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(p[0], &at, q[1], NULL, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(p[0], NULL, file, &negative, 1, 0), EINVAL);
    CHECK_ERRNO(splice(p[0], NULL, file, (off_t*)unmapped_page(), 1, 0), EFAULT);
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, 16), EINVAL);
    CHECK_EQ(splice(-1, NULL, -1, NULL, 0, 0), 0);
    check_read(p[0], "x"); /* none of these took anything */
    struct sigaction action = {.sa_handler = count_pipe};
    NEED(sigaction(SIGPIPE, &action, NULL) == 0);
    close(q[0]);
    CHECK_ERRNO(splice(file, NULL, q[1], NULL, 1, 0), EPIPE);
    put(p[1], "y");
    CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 1, 0), EPIPE);
    CHECK_ERRNO(tee(p[0], q[1], 1, 0), EPIPE);
    CHECK_EQ(broken_pipes, 3);
    check_read(p[0], "y");
}

/* It waits for the other side, and a signal ends that. */
static void count_nothing(int signal) { (void)signal; }
static void waits(void) {
    int p[2], q[2];
    NEED(pipe(p) == 0 && pipe(q) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        usleep(30000);
        put(p[1], "late");
        _exit(0);
    }
    CHECK_EQ(splice(p[0], NULL, q[1], NULL, 100, 0), 4);
    CHECK_EXITED(status_of(pid), 0);
    check_read(q[0], "late");
    struct sigaction action = {.sa_handler = count_nothing};
    NEED(sigaction(SIGALRM, &action, NULL) == 0);
    ualarm(30000, 30000);
    CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 1, 0), EINTR);
    CHECK_ERRNO(tee(p[0], q[1], 1, 0), EINTR);
    ualarm(0, 0);
}

/* --- tee, vmsplice -----------------------------------------------------------------------------
 */

static void tees(void) {
    int a[2], b[2], file = file_with("");
    NEED(pipe(a) == 0 && pipe(b) == 0);
    put(a[1], "twice");
    CHECK_EQ(tee(a[0], b[1], 100, 0), 5);
    CHECK_EQ(tee(a[0], b[1], 2, SPLICE_F_NONBLOCK), 2);
    put(a[1], " or more"); /* goes behind what was there, for a alone */
    check_read(b[0], "twicetw");
    check_read(a[0], "twice or more");
    CHECK_ERRNO(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
    put(a[1], "z");
    CHECK_ERRNO(tee(a[0], a[1], 1, 0), EINVAL);
    CHECK_ERRNO(tee(a[0], file, 1, 0), EINVAL);
    CHECK_ERRNO(tee(a[1], b[1], 1, 0), EBADF);
    CHECK_ERRNO(tee(a[0], b[1], 1, 64), EINVAL);
    CHECK_EQ(tee(a[0], b[1], 0, 0), 0);
}

static void user_memory(void) {
    int p[2], file = file_with("");
    char one[] = "one", two[] = "two", room[2][3];
    struct iovec pieces[] = {{one, 3}, {two, 3}};
    struct iovec to[] = {{room[0], 3}, {room[1], 3}};
    NEED(pipe(p) == 0);
    CHECK_EQ(vmsplice(p[1], pieces, 2, 0), 6);
    CHECK_EQ(waiting_in(p[0]), 6);
    CHECK_EQ(vmsplice(p[0], to, 2, 0), 6);
    CHECK(memcmp(room, "onetwo", 6) == 0);
    CHECK_ERRNO(vmsplice(p[0], to, 2, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERRNO(vmsplice(file, to, 1, 0), EBADF);
    CHECK_ERRNO(vmsplice(p[1], to, 1, 32), EINVAL);
    CHECK_EQ(vmsplice(p[1], to, 0, 0), 0);
    pieces[0].iov_base = (void*)unmapped_page();
    CHECK_ERRNO(vmsplice(p[1], pieces, 1, 0), EFAULT);
}

/* --- packets -----------------------------------------------------------------------------------
 */

/* With O_DIRECT each write is a packet, and a read takes one, or what it has room for of it. */
static void packets(void) {
    char room[3 * kPage];
    int p[2];
    NEED(pipe2(p, O_DIRECT) == 0);
    CHECK(fcntl(p[1], F_GETFL) & O_DIRECT);
    put(p[1], "one");
    put(p[1], "second");
    put(p[1], "3");
    CHECK_EQ(read(p[0], room, sizeof room), 3);
    CHECK(memcmp(room, "one", 3) == 0);
    CHECK_EQ(read(p[0], room, 3), 3);
    CHECK(memcmp(room, "sec", 3) == 0);
    CHECK_EQ(read(p[0], room, sizeof room), 1); /* the rest of the second is lost */
    CHECK_EQ(room[0], '3');
    memset(room, 'x', sizeof room);
    CHECK_EQ(write(p[1], room, kPage + 10), kPage + 10); /* as two */
    CHECK_EQ(read(p[0], room, sizeof room), kPage);
    CHECK_EQ(read(p[0], room, sizeof room), 10);
    NEED(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
    for (int i = 0; i < 16; i++) put(p[1], "a"); /* each has a page */
    CHECK_ERRNO(write(p[1], "a", 1), EAGAIN);
    struct pollfd poller = {.fd = p[1], .events = POLLOUT};
    CHECK_EQ(poll(&poller, 1, 0), 0);
    NEED(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0); /* from now on bytes */
    CHECK_EQ(read(p[0], room, 1), 1);
    put(p[1], "b");
    put(p[1], "c");
    for (int i = 0; i < 15; i++) CHECK_EQ(read(p[0], room, sizeof room), 1);
    check_read(p[0], "bc");
}

/* --- sizes -------------------------------------------------------------------------------------
 */

static void small_writes_share_pages(void) {
    char block[1000] = {0};
    int p[2];
    long total = 0;
    NEED(pipe2(p, O_NONBLOCK) == 0);
    while (write(p[1], block, sizeof block) == sizeof block) total += sizeof block;
    CHECK_EQ(total, 64000); /* four in each page */
    CHECK_EQ(write(p[1], block, 96), 96);
    CHECK_ERRNO(write(p[1], block, 1), EAGAIN);
}

static void sizes(void) {
    int p[2];
    char block[kPage] = {0};
    NEED(pipe(p) == 0);
    CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), kPipe);
    CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 0), kPage);
    CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 3 * kPage), 4 * kPage);
    CHECK_ERRNO(fcntl(p[0], F_SETPIPE_SZ, (1u << 31) + 1), EINVAL);
    for (int i = 0; i < 3; i++) CHECK_EQ(write(p[1], block, kPage), kPage);
    CHECK_ERRNO(fcntl(p[0], F_SETPIPE_SZ, 2 * kPage), EBUSY);
    CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 8 * kPage), 8 * kPage);
    CHECK_EQ(waiting_in(p[0]), 3 * kPage);
    CHECK_ERRNO(fcntl(open("/dev/null", O_RDONLY), F_GETPIPE_SZ), EBADF);
}

static long setting(const char* name) {
    char path[64], text[32] = {0};
    snprintf(path, sizeof path, "/proc/sys/fs/%s", name);
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return atol(text);
}
/* Who is not privileged gets small pipes when all that the user has are many pages. */
static void pages_of_a_user(void) {
    enum { kMost = 400 };
    int p[kMost][2], small = 0, count = 0;
    const long soft = setting("pipe-user-pages-soft");
    if (getuid() != 0) skip_case("needs a user of its own");
    if (soft == 0 || soft > 64 * kMost) skip_case("another limit than usual");
    const long most = setting("pipe-max-size");
    NEED(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    NEED(pipe(p[0]) == 0);
    CHECK_ERRNO(fcntl(p[0][0], F_SETPIPE_SZ, most + 1), EPERM);
    for (count = 1; count < kMost && small < 3; count++) {
        NEED(pipe(p[count]) == 0);
        if (fcntl(p[count][0], F_SETPIPE_SZ, most) == -1) {
            CHECK_EQ(errno, EPERM);
            small += fcntl(p[count][0], F_GETPIPE_SZ) == 2 * kPage;
        }
        if (fcntl(p[count][0], F_GETPIPE_SZ) == 2 * kPage) {
            CHECK_EQ(fcntl(p[count][0], F_SETPIPE_SZ, kPage), kPage); /* less is always allowed */
        }
    }
    CHECK_EQ(small, 3);
    for (int i = 0; i < count; i++) close(p[i][0]), close(p[i][1]);
    NEED(pipe(p[0]) == 0);
    CHECK_EQ(fcntl(p[0][0], F_GETPIPE_SZ), kPipe);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(from_file), CASE(to_file), CASE(from_pipe_to_pipe), CASE(round_and_round),
        CASE(errors), CASE(waits), CASE(tees), CASE(user_memory), CASE(packets),
        CASE(small_writes_share_pages), CASE(sizes), CASE(pages_of_a_user), END});
}
