/* Files and folders in tmpfs, pipes, locks, mounts. */
#include <dirent.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "scarce/scarce.h"

static void write_step(void) {
    static char text[200000];
    const int file = (int)TRIED(open("text", O_RDWR | O_CREAT, 0600));
    long done = TRIED(write(file, text, sizeof text));
    if (done < (long)sizeof text) TRIED(write(file, text, sizeof text - (size_t)done));
    TRIED(lseek(file, 0, SEEK_SET));
    TRIED(read(file, text, sizeof text));
    TRIED(pwrite(file, text, 100, 4 << 20));
    TRIED(ftruncate(file, 100));
    TRIED(fallocate(file, 0, 0, 100000) == -1 && errno == EOPNOTSUPP ? 0 : 0);
    TRIED(fsync(file));
}

static void names(void) {
    TRIED(mkdir("folder", 0700));
    TRIED(close((int)TRIED(open("folder/file", O_WRONLY | O_CREAT | O_EXCL, 0600))));
    TRIED(link("folder/file", "folder/other"));
    TRIED(
        symlink("a target that is far too long for any place within the inode itself, so that it "
                "has to be given memory of its own, which may well be what there is none of",
                "folder/link"));
    char target[256];
    TRIED(readlink("folder/link", target, sizeof target));
    TRIED(rename("folder/file", "folder/a name so long that the entry cannot keep it in itself"));
    TRIED(mkdir("folder/below", 0700));
    TRIED(rename("folder/below", "beside"));
    struct stat about;
    TRIED(stat("folder/other", &about));
    TRIED(access("folder/absent", F_OK) == -1 && errno == ENOENT ? 0 : -1);
    TRIED(chmod("folder/other", 0640));
    TRIED(unlink("folder/other"));
    TRIED(rmdir("beside"));
}

static void listing(void) {
    TRIED(mkdir("many", 0700));
    for (int i = 0; i < 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "many/%d", i);
        TRIED(close((int)TRIED(open(name, O_WRONLY | O_CREAT, 0600))));
    }
    DIR* const folder = TRIED_POINTER(opendir("many"));
    int seen = 0;
    errno = 0;
    while (readdir(folder)) seen++;
    if (seen != 22) TRIED(-1);
    closedir(folder);
    char here[300];
    TRIED(chdir("many"));
    TRIED_POINTER(getcwd(here, sizeof here));
}

static void nodes(void) {
    TRIED(mkfifo("fifo", 0600));
    const int file = (int)TRIED(open("fifo", O_RDWR | O_NONBLOCK));
    TRIED(write(file, "x", 1));
    TRIED(mknod("null", S_IFCHR | 0600, 0x103));
    TRIED(open("null", O_RDWR));
    TRIED(open("/dev/zero", O_RDONLY));
}

static void descriptors(void) {
    int at[2];
    TRIED(pipe(at));
    for (int i = 0; i < 300; i++) TRIED(dup(at[0]));
    TRIED(dup2(at[1], 900));
    TRIED(fcntl(at[0], F_DUPFD, 500));
    const pid_t child = (pid_t)TRIED(fork());
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
}

static void pipes(void) {
    static char text[60000];
    int at[2], to[2];
    TRIED(pipe2(at, O_NONBLOCK));
    TRIED(pipe2(to, O_NONBLOCK));
    TRIED(write(at[1], text, sizeof text));
    TRIED(read(at[0], text, sizeof text));
    TRIED(fcntl(at[1], F_SETPIPE_SZ, 1 << 20));
    TRIED(write(at[1], text, sizeof text));
    TRIED(fcntl(at[1], F_SETPIPE_SZ, 1 << 17));
    TRIED(tee(at[0], to[1], 1000, 0));
    TRIED(splice(at[0], NULL, to[1], NULL, 1000, 0));
    const struct iovec part = {text, 1000};
    TRIED(vmsplice(to[1], &part, 1, 0));
}

static void copies(void) {
    static char text[20000];
    const int from = (int)TRIED(open("from", O_RDWR | O_CREAT, 0600));
    const int to = (int)TRIED(open("to", O_RDWR | O_CREAT, 0600));
    if (TRIED(write(from, text, sizeof text)) != sizeof text) return;
    TRIED(lseek(from, 0, SEEK_SET));
    TRIED(sendfile(to, from, NULL, sizeof text));
    loff_t at = 0;
    TRIED(syscall(SYS_copy_file_range, from, &at, to, NULL, 4096, 0));
    struct iovec parts[20];
    for (int i = 0; i < 20; i++) parts[i] = (struct iovec){text + i * 100, 100};
    TRIED(preadv(from, parts, 20, 0));
    TRIED(pwritev(to, parts, 20, 50000));
}

static void locks(void) {
    const int file = (int)TRIED(open("locked", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 6; i++) {
        struct flock range = {.l_type = F_WRLCK, .l_start = i * 20, .l_len = 10};
        TRIED(fcntl(file, F_SETLK, &range));
    }
    struct flock middle = {.l_type = F_UNLCK, .l_start = 4, .l_len = 2};
    TRIED(fcntl(file, F_SETLK, &middle));
    TRIED(flock(file, LOCK_EX));
    TRIED(flock(file, LOCK_UN));
}

static void mounts(void) {
    TRIED(mkdir("mounted", 0700));
    TRIED(mkdir("bound", 0700));
    TRIED(mount("none", "mounted", "tmpfs", 0, "size=1m"));
    const int made = mkdir("mounted/below", 0700);
    if (made == 0) {
        const int bound = mount("mounted", "bound", NULL, MS_BIND, NULL);
        if (bound == 0 && umount("bound") == -1 && umount("bound") == -1) abort();
        struct statfs about;
        statfs("mounted", &about);
    }
    const int error = errno;
    if (umount2("mounted", MNT_DETACH) == -1 && umount2("mounted", MNT_DETACH) == -1) abort();
    errno = error;
    TRIED(made);
}

const struct step kFileSteps[] = {
    {"write", write_step},        {"names", names}, {"listing", listing}, {"nodes", nodes},
    {"descriptors", descriptors}, {"pipes", pipes}, {"copies", copies},   {"locks", locks},
    {"mounts", mounts},           {NULL, NULL},
};
