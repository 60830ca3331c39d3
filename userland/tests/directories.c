/* Directories: making, listing, renaming, links, permissions. */
#include "tests/check.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <dirent.h>

static void touch(const char* name) { write_file(name, name, strlen(name), 0644); }
static int is(const char* name, mode_t type) {
    struct stat st;
    return lstat(name, &st) == 0 && (st.st_mode & S_IFMT) == type;
}
static int holds(const char* name, const char* text) {
    char room[64] = "";
    int fd = open(name, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t n = read(fd, room, sizeof room - 1);
    close(fd);
    return n == (ssize_t)strlen(text) && strcmp(room, text) == 0;
}

static void making(void) {
    struct stat st;
    umask(022);
    CHECK(mkdir("d", 0777) == 0);
    CHECK(stat("d", &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_nlink == 2);
    CHECK_ERRNO(mkdir("d", 0777), EEXIST);
    CHECK_ERRNO(mkdir("no/d", 0777), ENOENT);
    CHECK(mkdir("d/e/", 0777) == 0);
    CHECK(stat("d", &st) == 0 && st.st_nlink == 3);
    CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
    CHECK_ERRNO(rmdir("d/e/."), EINVAL);
    CHECK_ERRNO(rmdir("d/e/.."), ENOTEMPTY);
    CHECK_ERRNO(unlink("d/e"), EISDIR);
    touch("f");
    CHECK_ERRNO(rmdir("f"), ENOTDIR);
    CHECK_ERRNO(unlink("f/"), ENOTDIR);
    CHECK_ERRNO(unlink("none"), ENOENT);
    CHECK(rmdir("d/e") == 0 && rmdir("d") == 0);
}

/* Every entry is seen exactly once, though others are removed meanwhile. */
static void listing(void) {
    enum { kFiles = 300 };
    char seen[kFiles] = {0}, name[32];
    for (int i = 0; i < kFiles; i++) {
        snprintf(name, sizeof name, "entry-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        NEED(fd >= 0);
        close(fd);
    }
    DIR* dir = opendir(".");
    NEED(dir);
    int dots = 0, index, count = 0;
    for (struct dirent* entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') {
            dots++;
            CHECK_EQ(entry->d_type, DT_DIR);
        } else {
            NEED(sscanf(entry->d_name, "entry-%d", &index) == 1);
            NEED(!seen[index]++);
            NEED(entry->d_type == DT_REG);
            count++;
            NEED(unlink(entry->d_name) == 0);
        }
    }
    CHECK_EQ(dots, 2);
    CHECK_EQ(count, kFiles);
    rewinddir(dir);
    dots = 0;
    while (readdir(dir)) dots++;
    CHECK_EQ(dots, 2);
    char small[8];
    lseek(dirfd(dir), 0, SEEK_SET);
    CHECK_ERRNO(syscall(SYS_getdents64, dirfd(dir), small, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_getdents64, open("/dev/null", O_RDONLY), small, 8), ENOTDIR);
}

/* rename(old, new) for each kind of old and new. */
static void put(const char* name, char kind) {
    char inner[40];
    switch (kind) {
    case 'f': touch(name); break;
    case 'l': NEED(symlink("target", name) == 0); break;
    case 'd': NEED(mkdir(name, 0755) == 0); break;
    case 'n':
        NEED(mkdir(name, 0755) == 0);
        snprintf(inner, sizeof inner, "%s/x", name);
        touch(inner);
    }
}
static void rename_matrix(void) {
    static const char kinds[] = "-fldn"; /* absent, file, link, empty and non-empty directory */
    static const int expected[5][5] = {
        /* to:  -       f        l        d          n */
        {ENOENT, ENOENT, ENOENT, ENOENT, ENOENT},
        {0, 0, 0, EISDIR, EISDIR},
        {0, 0, 0, EISDIR, EISDIR},
        {0, ENOTDIR, ENOTDIR, 0, ENOTEMPTY},
        {0, ENOTDIR, ENOTDIR, 0, ENOTEMPTY},
    };
    for (int from = 0; from < 5; from++) {
        for (int to = 0; to < 5; to++) {
            char place[16], command[32];
            snprintf(place, sizeof place, "m%d%d", from, to);
            NEED(mkdir(place, 0755) == 0 && chdir(place) == 0);
            put("old", kinds[from]);
            put("new", kinds[to]);
            int error = rename("old", "new") == 0 ? 0 : errno;
            if (error != expected[from][to]) {
                snprintf(command, sizeof command, "%c to %c", kinds[from], kinds[to]);
                failed_check(__FILE__, __LINE__, command, error, expected[from][to]);
            }
            if (error == 0) {
                CHECK(access("old", F_OK) == -1);
                CHECK(is("new", kinds[from] == 'f'   ? S_IFREG
                                : kinds[from] == 'l' ? S_IFLNK
                                                     : S_IFDIR));
            }
            NEED(chdir("..") == 0);
        }
    }
}

static void renames(void) {
    touch("a");
    touch("b");
    CHECK(rename("a", "a") == 0 && holds("a", "a"));
    CHECK(link("a", "same") == 0 && rename("a", "same") == 0);
    CHECK(holds("a", "a") && holds("same", "a")); /* one file: nothing happens */
    CHECK_EQ(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1), -1); /* NOREPLACE */
    CHECK(holds("b", "b"));
    NEED(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && mkdir("g", 0755) == 0);
    CHECK_ERRNO(rename("d", "d/e/f"), EINVAL); /* into itself */
    CHECK_ERRNO(rename("d/e", "d"), ENOTEMPTY);
    CHECK_ERRNO(rename(".", "x"), EBUSY);
    CHECK_ERRNO(rename("d/..", "x"), EBUSY);
    CHECK_ERRNO(rename("a", "d/"), ENOTDIR);
    CHECK(rename("d/e", "g/e") == 0);
    struct stat st, up;
    CHECK(stat("g/e/..", &up) == 0 && stat("g", &st) == 0 && up.st_ino == st.st_ino);
    CHECK_EQ(st.st_nlink, 3);
    CHECK(stat("d", &st) == 0 && st.st_nlink == 2);
}

static void links(void) {
    char room[16];
    struct stat st;
    touch("a");
    CHECK(link("a", "b") == 0 && holds("b", "a"));
    CHECK_ERRNO(link("a", "b"), EEXIST);
    CHECK_ERRNO(link("none", "c"), ENOENT);
    CHECK_ERRNO(link(".", "c"), EPERM);
    CHECK(symlink("a", "s") == 0);
    CHECK_EQ(readlink("s", room, sizeof room), 1);
    CHECK_ERRNO(syscall(SYS_readlink, "s", room, 0), EINVAL);
    CHECK_ERRNO(readlink("a", room, sizeof room), EINVAL);
    CHECK_ERRNO(symlink("", "t"), ENOENT);
    CHECK_ERRNO(symlink("x", "s"), EEXIST);
    CHECK(lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1);
    CHECK(link("s", "s2") == 0 && is("s2", S_IFLNK)); /* the link itself */
    NEED(mkdir("d", 0755) == 0 && symlink("d", "sd") == 0);
    CHECK(is("sd/", S_IFDIR) && is("sd", S_IFLNK));
    CHECK_ERRNO(rmdir("sd"), ENOTDIR);
    CHECK(chdir("sd") == 0 && is("../a", S_IFREG));
}

static void attributes(void) {
    struct stat st;
    touch("a");
    struct timespec times[2] = {{1000, 5}, {2000, 7}};
    CHECK(utimensat(AT_FDCWD, "a", times, 0) == 0 && stat("a", &st) == 0);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = 1000000000;
    CHECK_ERRNO(utimensat(AT_FDCWD, "a", times, 0), EINVAL);
    CHECK(chmod("a", 04751) == 0 && stat("a", &st) == 0 && (st.st_mode & 07777) == 04751);
    if (getuid() != 0) return;
    CHECK(chown("a", 12, 34) == 0 && stat("a", &st) == 0);
    CHECK(st.st_uid == 12 && st.st_gid == 34);
    CHECK(chown("a", (uid_t)-1, 35) == 0 && stat("a", &st) == 0 && st.st_uid == 12 &&
          st.st_gid == 35);
}

static void become_nobody(void) {
    NEED(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
    CHECK_ERRNO(open("secret", O_RDONLY), EACCES);
    CHECK_ERRNO(open("closed/x", O_RDONLY), EACCES);
    CHECK_ERRNO(open("sticky/theirs", O_WRONLY), EACCES);
    CHECK_ERRNO(unlink("sticky/theirs"), EPERM);
    CHECK_ERRNO(mkdir("d", 0755), EACCES);
    CHECK_ERRNO(chmod("secret", 0777), EPERM);
    CHECK_ERRNO(chown("secret", 65534, 65534), EPERM);
    CHECK_ERRNO(setuid(0), EPERM);
    touch("sticky/mine");
    CHECK(unlink("sticky/mine") == 0);
}
static void permissions(void) {
    if (getuid() != 0) skip_case("not root");
    touch("secret");
    NEED(chmod("secret", 0600) == 0 && mkdir("closed", 0700) == 0 && mkdir("sticky", 0755) == 0);
    touch("closed/x");
    touch("sticky/theirs");
    NEED(chmod("sticky", 01777) == 0 && chmod(".", 0755) == 0);
    CHECK_EXITED(in_child(become_nobody), 0);
}

/* A file without a name is no directory, whatever asks. */
static void nameless(void) {
    int ends[2];
    NEED(pipe(ends) == 0);
    const int files[] = {ends[0], epoll_create1(0), eventfd(0, 0)};
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        char text[8];
        CHECK_ERRNO(fchdir(files[i]), ENOTDIR);
        CHECK_ERRNO(openat(files[i], "x", O_RDONLY), ENOTDIR);
        CHECK_ERRNO(syscall(SYS_getdents64, files[i], text, sizeof text), ENOTDIR);
        CHECK(readlinkat(files[i], "", text, sizeof text) == -1);
        fchownat(files[i], "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH); /* allowed or not: no harm */
        utimensat(files[i], "", NULL, AT_EMPTY_PATH);
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(making), CASE(listing), CASE(rename_matrix),
                                          CASE(renames), CASE(links), CASE(attributes),
                                          CASE(permissions), CASE(nameless), END});
}
