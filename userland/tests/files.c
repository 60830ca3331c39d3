/* Open files: reading, writing, positions, flags, descriptors. */
#include "tests/check.h"

#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/uio.h>

static int new_file(const char* name, const char* text) {
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
    NEED(fd >= 0);
    NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    NEED(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void positions(void) {
    char room[16] = "";
    int fd = new_file("f", "0123456789");
    CHECK_EQ(read(fd, room, 4), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
    CHECK_EQ(lseek(fd, -3, SEEK_END), 7);
    CHECK_EQ(read(fd, room, 16), 3);
    CHECK(memcmp(room, "789", 3) == 0);
    CHECK_EQ(read(fd, room, 16), 0);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
    CHECK_EQ(pread(fd, room, 2, 5), 2);
    CHECK(memcmp(room, "56", 2) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(pwrite(fd, "xy", 2, 0), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_ERRNO(pread(fd, room, 1, -1), EINVAL);
}

static void holes(void) {
    char room[4096];
    struct stat st;
    int fd = new_file("f", "a");
    CHECK_EQ(lseek(fd, 100000, SEEK_SET), 100000);
    CHECK_EQ(write(fd, "z", 1), 1);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 100001);
    CHECK_EQ(pread(fd, room, sizeof room, 50000), sizeof room);
    for (size_t i = 0; i < sizeof room; i++) NEED(room[i] == 0);
    CHECK(st.st_blocks * 512 < 100001);
    CHECK(ftruncate(fd, 3) == 0);
    CHECK(ftruncate(fd, 9) == 0);
    memset(room, 'x', sizeof room);
    CHECK_EQ(pread(fd, room, 20, 0), 9);
    CHECK(memcmp(room, "a\0\0\0\0\0\0\0\0", 9) == 0);
    CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
    CHECK_ERRNO(truncate("none", 0), ENOENT);
}

static void append(void) {
    char room[8];
    int fd = new_file("f", "abc");
    int both = open("f", O_WRONLY | O_APPEND);
    CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
    CHECK_EQ(write(both, "de", 2), 2);
    CHECK_EQ(lseek(both, 0, SEEK_SET), 0);
    CHECK_EQ(write(both, "f", 1), 1);
    CHECK_EQ(pread(fd, room, 8, 0), 6);
    CHECK(memcmp(room, "Xbcdef", 6) == 0);
}

static void access_modes(void) {
    char room[4];
    close(new_file("f", "abc"));
    int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
    CHECK_ERRNO(write(reader, "x", 1), EBADF);
    CHECK_ERRNO(read(writer, room, 1), EBADF);
    CHECK_ERRNO(ftruncate(reader, 0), EINVAL);
    CHECK_ERRNO(read(-1, room, 1), EBADF);
    CHECK_ERRNO(read(1000, room, 1), EBADF);
    CHECK_ERRNO(open(".", O_WRONLY), EISDIR);
    int dir = open(".", O_RDONLY);
    CHECK_ERRNO(read(dir, room, 1), EISDIR);
    int path = open("f", O_PATH);
    CHECK(path >= 0);
    CHECK_ERRNO(read(path, room, 1), EBADF);
    struct stat st;
    CHECK(fstat(path, &st) == 0 && st.st_size == 3);
}

static void creation(void) {
    struct stat st;
    umask(027);
    int fd = open("f", O_CREAT | O_WRONLY, 0666);
    CHECK(fstat(fd, &st) == 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK_ERRNO(open("f", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK(symlink("nowhere", "dangling") == 0);
    CHECK_ERRNO(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
    CHECK(open("dangling", O_CREAT | O_WRONLY, 0600) >= 0);
    CHECK(stat("nowhere", &st) == 0);
    CHECK_ERRNO(open("dangling", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERRNO(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open("f/x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("none/x", O_CREAT | O_WRONLY, 0600), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("g/", O_CREAT | O_WRONLY, 0600), EISDIR);
    CHECK(symlink("loop", "loop") == 0);
    CHECK_ERRNO(open("loop", O_RDONLY), ELOOP);
}

static void long_names(void) {
    char name[4200];
    memset(name, 'n', sizeof name);
    name[255] = 0;
    CHECK(open(name, O_CREAT | O_WRONLY, 0600) >= 0);
    CHECK(unlink(name) == 0);
    name[255] = 'n';
    name[256] = 0;
    CHECK_ERRNO(open(name, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
    for (int i = 0; i < 4194; i += 2) memcpy(name + i, "./", 2);
    name[4095] = 0;
    CHECK(open(name, O_RDONLY | O_DIRECTORY) >= 0);
    name[4095] = '/';
    name[4096] = 0;
    CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
}

static void descriptors(void) {
    int fd = new_file("f", "abcdef");
    int copy = dup(fd);
    char room[4];
    CHECK(copy > fd);
    CHECK_EQ(read(fd, room, 2), 2);
    CHECK_EQ(lseek(copy, 0, SEEK_CUR), 2); /* one position */
    CHECK_EQ(dup2(fd, 50), 50);
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
    CHECK_ERRNO(dup2(fd, -1), EBADF);
    CHECK_ERRNO(dup2(99, 51), EBADF);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 60);
    CHECK_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(50, F_GETFD), 0);
    CHECK_EQ(fcntl(50, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(50, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
    CHECK_EQ(fcntl(copy, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE),
             O_APPEND | O_NONBLOCK | O_RDWR);
    CHECK(close(copy) == 0);
    CHECK_ERRNO(close(copy), EBADF);
    CHECK_EQ(open("f", O_RDONLY), copy); /* the lowest free number */
}

static void vectors(void) {
    char a[3], b[5];
    struct iovec out[3] = {{"ab", 2}, {NULL, 0}, {"cdefg", 5}};
    struct iovec in[2] = {{a, sizeof a}, {b, sizeof b}};
    int fd = new_file("f", "");
    CHECK_EQ(writev(fd, out, 3), 7);
    CHECK_EQ(preadv(fd, in, 2, 0), 7);
    CHECK(memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0);
    CHECK_ERRNO(readv(fd, in, -1), EINVAL);
    CHECK_ERRNO(readv(fd, in, 1025), EINVAL);
    CHECK_EQ(readv(fd, in, 0), 0);
    in[1].iov_len = (size_t)-1;
    CHECK_ERRNO(readv(fd, in, 2), EINVAL);
}

static void copies(void) {
    char big[10000], back[10000];
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 31);
    write_file("from", big, sizeof big, 0644);
    int from = open("from", O_RDONLY), to = open("to", O_RDWR | O_CREAT, 0644);
    off_t at = 0;
    while (at < (off_t)sizeof big) NEED(sendfile(to, from, &at, sizeof big) > 0);
    CHECK_EQ(lseek(from, 0, SEEK_CUR), 0);
    CHECK_EQ(pread(to, back, sizeof back, 0), sizeof back);
    CHECK(memcmp(big, back, sizeof big) == 0);
}

static void unlinked(void) {
    char room[8];
    struct stat st;
    int fd = new_file("f", "alive");
    CHECK(link("f", "g") == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 2);
    CHECK(unlink("f") == 0 && unlink("g") == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK_EQ(read(fd, room, 8), 5);
    CHECK_ERRNO(open("f", O_RDONLY), ENOENT);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(positions), CASE(holes), CASE(append), CASE(access_modes), CASE(creation),
        CASE(long_names), CASE(descriptors), CASE(vectors), CASE(copies), CASE(unlinked), END});
}
