/* /dev: null, zero, full, random, kmsg, and the nodes themselves. */
#include "tests/check.h"

#include <dirent.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/sysmacros.h>

static int device(const char* name, unsigned major_number, unsigned minor_number) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/dev/%s", name);
    NEED(stat(path, &st) == 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(major(st.st_rdev), major_number);
    CHECK_EQ(minor(st.st_rdev), minor_number);
    return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
}

static void null(void) {
    char room[16];
    int fd = device("null", 1, 3);
    CHECK_EQ(read(fd, room, sizeof room), 0);
    CHECK_EQ(write(fd, room, sizeof room), sizeof room);
    CHECK_EQ(write(fd, (char*)8, 100), 100); /* nobody looks */
    CHECK_EQ(lseek(fd, 1000, SEEK_SET), 0);
}

static void zero(void) {
    static char room[100000];
    int fd = device("zero", 1, 5);
    memset(room, 'x', sizeof room);
    CHECK_EQ(read(fd, room, sizeof room), sizeof room);
    for (size_t i = 0; i < sizeof room; i++) NEED(room[i] == 0);
    CHECK_EQ(write(fd, room, 5), 5);
    CHECK_ERRNO(read(fd, (char*)8, 5), EFAULT);
    char* mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    NEED(mapped != MAP_FAILED);
    CHECK(mapped[0] == 0);
    mapped[0] = 1;
}

static void full(void) {
    char room[16] = "x";
    int fd = device("full", 1, 7);
    CHECK(read(fd, room, sizeof room) == sizeof room && room[0] == 0);
    CHECK_ERRNO(write(fd, room, 1), ENOSPC);
}

/* Not a test of quality, but of obvious failure: zeros, repetition, a missing tail. */
static int looks_random(const unsigned char* bytes, size_t count) {
    size_t ones = 0;
    for (size_t i = 0; i < count; i++) ones += (size_t)__builtin_popcount(bytes[i]);
    return ones > count * 7 / 2 && ones < count * 9 / 2;
}
static void randomness(void) {
    unsigned char a[5000], b[5000];
    int fd = device("urandom", 1, 9);
    CHECK(read(fd, a, sizeof a) == sizeof a && read(fd, b, sizeof b) == sizeof b);
    CHECK(looks_random(a, sizeof a) && looks_random(b, sizeof b));
    CHECK(looks_random(a + 4000, 1000));
    CHECK(memcmp(a, b, sizeof a) != 0 && memcmp(a, a + 2500, 2500) != 0);
    CHECK_EQ(write(fd, a, 100), 100);
    CHECK_ERRNO(read(fd, (char*)8, 10), EFAULT);
    CHECK(read(device("random", 1, 8), b, 16) == 16);
    CHECK_EQ(getrandom(a, 256, 0), 256);
    CHECK_EQ(getrandom(a, 16, GRND_NONBLOCK | GRND_RANDOM), 16);
    CHECK_ERRNO(getrandom(a, 1, 0xff0), EINVAL);
    CHECK_ERRNO(getrandom((char*)8, 8, 0), EFAULT);
    /* A child does not continue its parent's sequence. */
    int p[2];
    NEED(pipe(p) == 0);
    if (fork_or_die() == 0) {
        getrandom(a, 32, 0);
        NEED(write(p[1], a, 32) == 32);
        _exit(0);
    }
    getrandom(b, 32, 0);
    CHECK(read(p[0], a, 32) == 32 && memcmp(a, b, 32) != 0);
}

static void kmsg(void) {
    char line[8192];
    int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
    if (fd < 0) skip_case("no access to /dev/kmsg");
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    CHECK_ERRNO(read(fd, line, sizeof line), EAGAIN);
    char text[64];
    int length = snprintf(text, sizeof text, "<5>check %d \\ \001\n", getpid());
    CHECK_EQ(write(fd, text, (size_t)length), length);
    struct pollfd ready = {fd, POLLIN, 0};
    CHECK(poll(&ready, 1, 10000) == 1 && ready.revents & POLLIN);
    ssize_t n = read(fd, line, sizeof line - 1);
    NEED(n > 0);
    line[n] = 0;
    unsigned priority;
    unsigned long long sequence, when;
    NEED(sscanf(line, "%u,%llu,%llu,", &priority, &sequence, &when) == 3);
    CHECK_EQ(priority & 7, 5);
    snprintf(text, sizeof text, ";check %d \\x5c \\x01\n", getpid());
    CHECK(strchr(line, ';') && strcmp(strchr(line, ';'), text) == 0);
    CHECK_ERRNO(lseek(fd, 5, SEEK_SET), ESPIPE);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERRNO(read(fd, line, 3), EINVAL); /* a record is not split */
    CHECK(read(fd, line, sizeof line) > 0);
}

static void terminals(void) {
    CHECK_ERRNO(open("/dev/tty", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    struct stat st;
    CHECK(stat("/dev/tty", &st) == 0 && st.st_rdev == makedev(5, 0));
    CHECK(stat("/dev/console", &st) != 0 || st.st_rdev == makedev(5, 1));
    CHECK(stat("/dev/ptmx", &st) != 0 || S_ISLNK(st.st_mode) || minor(st.st_rdev) == 2);
    if (mknod("strange", S_IFCHR | 0600, makedev(250, 7)) != 0) skip_case("no mknod");
    CHECK_ERRNO(open("strange", O_RDONLY), ENXIO);
    if (mknod("my-null", S_IFCHR | 0600, makedev(1, 3)) != 0) return;
    int fd = open("my-null", O_WRONLY);
    if (fd < 0 && errno == EACCES) skip_case("nodev");
    CHECK_EQ(write(fd, "x", 1), 1);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(null), CASE(zero), CASE(full), CASE(randomness),
                                          CASE(kmsg), CASE(terminals), END});
}
